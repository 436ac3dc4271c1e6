/** The Worker of the tests that has Node's modules: speaks compressed. */

import { connect } from "framewire/cloudflare";
import { oneShotWorks, openStreamsWork, zlibEngine } from "framewire/zlib";

export default {
  async fetch(request) {
    const { url, way } = await request.json();
    const ws = await connect(url, { compression: { engine: zlibEngine({ way }) } });
    const text = "to be or not to be ".repeat(20_000);
    const isSame = [];
    for (let i = 0; i < 3; i++) {
      await ws.send(text);
      isSame.push((await ws.receive()) === text);
    }
    const { extensions, counters } = ws;
    const isSmall = counters.sent.ratio > 10 && counters.received.ratio > 10;
    const works = [openStreamsWork(), oneShotWorks()];
    return Response.json({ works, isSame, isSmall, extensions, ...(await ws.close(1000)) });
  },
};
