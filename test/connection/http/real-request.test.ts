import { newRealRequest } from "../../../src/connection/http/real-request.ts";
import { describeWebRequest } from "../../support/web-request-suite.ts";

describeWebRequest("newRealRequest()", newRealRequest);
