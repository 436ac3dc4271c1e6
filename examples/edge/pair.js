/**
 * A platform's own WebSocket as a pair of streams, for framewire/streams: where there is no TCP, its binary messages carry the
 * bytes. An empty message stands for the end of a stream, which a WebSocket has for both directions at once alone.
 *
 * The other end has to do the same; what a WebSocket does not have it does not get by this: nothing holds a peer back that
 * sends faster than is read.
 */

/**
 * @param {WebSocket} socket Open, or about to be; on Workers accepted.
 * @returns {import("framewire/streams").StreamPair}
 */
export function pairOf(socket) {
  socket.binaryType = "arraybuffer";
  const opened = new Promise((resolve, reject) => {
    if (socket.readyState === 1) resolve(undefined);
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => {
      reject(new Error("WebSocket could not be opened"));
    });
  });
  opened.catch(() => {});
  let hasEnded = false;
  const readable = new ReadableStream({
    start(controller) {
      socket.addEventListener("message", ({ data }) => {
        if (hasEnded) return;
        hasEnded = data.byteLength === 0;
        if (hasEnded) controller.close();
        else controller.enqueue(new Uint8Array(data));
      });
      socket.addEventListener("close", () => {
        if (!hasEnded) controller.error(new Error("WebSocket was closed"));
        hasEnded = true;
      });
    },
    cancel: () => void (hasEnded = true),
  });
  const writable = new WritableStream({
    write: (bytes) => {
      socket.send(bytes);
    },
    close: () => {
      socket.send(new Uint8Array(0));
    },
  });
  return {
    readable,
    writable,
    opened,
    close: () => {
      socket.close();
    },
  };
}
