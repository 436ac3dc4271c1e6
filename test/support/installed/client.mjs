// A client of the installed package: sends a message, prints the answer, and closes.
import { connect } from "framewire/auto";

const ws = await connect(`ws://127.0.0.1:${process.argv[2]}/`, { compression: true });
await ws.send("Hello");
console.log(await ws.receive());
const { status, clean } = await ws.close(1000);
console.log(status, clean);
