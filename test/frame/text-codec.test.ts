import { webText } from "../../src/frame/text-codec.ts";
import { describeCodec } from "../support/codec-rules.ts";

describeCodec("webText", webText);
