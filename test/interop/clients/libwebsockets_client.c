/*
 * libwebsockets as a client: `libwebsockets_client CASE...` prints one JSON object per case and line. C reads no JSON, so
 * each case comes as its fields with U+001F between them. A case that takes too long ends the program.
 */

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const unsigned caseDeadline = 15;

/* The fields of a case, in the order in which they come. */
enum field { NAME, URL, ACTION, TYPE, TEXT, TIMES, SIZE, CHUNK, PAYLOAD, OFFERED, AGREED, COUNT, STATUS, REASON, FIELDS };

/* A case, and how far it has come. */
static struct {
    char *field[FIELDS];
    unsigned char *content;
    size_t length;
    /* Bytes of the content that were sent, or messages where there are many. */
    size_t sent;
    /* What is being sent; the library compresses it piece by piece, until it asks for more. */
    unsigned char *out;
    unsigned char *incoming;
    size_t received;
    size_t messages;
    bool isSent, closes, isDone;
    char protocol[64], extensions[256], detail[256];
} one;

static bool is(const char *action) { return strcmp(one.field[ACTION], action) == 0; }

static int number(enum field field) { return atoi(one.field[field]); }

static void fail(const char *what, const char *detail)
{
    if (!*one.detail) snprintf(one.detail, sizeof one.detail, "%s: %.100s", what, detail);
}

/* Ends the case; what has gone wrong is in its detail. */
static void toClose(struct lws *wsi)
{
    one.closes = true;
    lws_callback_on_writable(wsi);
}

static void makeContent(void)
{
    if (is("ping")) {
        one.length = strlen(one.field[PAYLOAD]);
        one.content = (unsigned char *)strdup(one.field[PAYLOAD]);
    } else if (strcmp(one.field[TYPE], "text") == 0) {
        size_t unit = strlen(one.field[TEXT]);
        one.length = unit * number(TIMES);
        one.content = malloc(one.length + 1);
        for (size_t at = 0; at < one.length; at += unit) memcpy(one.content + at, one.field[TEXT], unit);
    } else {
        one.length = number(SIZE);
        one.content = malloc(one.length + 1);
        for (size_t at = 0; at < one.length; at++) one.content[at] = at % 251;
    }
}

static int sendBytes(struct lws *wsi, const void *bytes, size_t length, int kind)
{
    one.out = realloc(one.out, LWS_PRE + length + 1);
    memcpy(one.out + LWS_PRE, bytes, length);
    return lws_write(wsi, one.out + LWS_PRE, length, kind) < 0 ? -1 : 0;
}

static int sendNext(struct lws *wsi)
{
    if (one.closes) {
        bool asked = is("close");
        const char *reason = asked ? one.field[REASON] : "";
        lws_close_reason(wsi, asked ? number(STATUS) : 1000, (unsigned char *)reason, strlen(reason));
        return -1;
    }
    if (one.isSent) return 0;
    if (is("ping")) {
        one.isSent = true;
        return sendBytes(wsi, one.content, one.length, LWS_WRITE_PING);
    }
    if (is("many")) {
        char text[16];
        int length = sprintf(text, "%zu", one.sent++);
        one.isSent = one.sent == (size_t)number(COUNT);
        lws_callback_on_writable(wsi);
        return sendBytes(wsi, text, length, LWS_WRITE_TEXT);
    }
    size_t rest = one.length - one.sent, chunk = is("fragments") ? (size_t)number(CHUNK) : rest;
    size_t length = rest < chunk ? rest : chunk;
    int kind = one.sent > 0 ? LWS_WRITE_CONTINUATION
        : strcmp(one.field[TYPE], "text") == 0 ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
    if (length < rest) kind |= LWS_WRITE_NO_FIN;
    size_t at = one.sent;
    one.sent += length;
    one.isSent = length == rest;
    lws_callback_on_writable(wsi);
    return sendBytes(wsi, one.content + at, length, kind);
}

static void receive(struct lws *wsi, const void *in, size_t length)
{
    one.incoming = realloc(one.incoming, one.received + length + 1);
    memcpy(one.incoming + one.received, in, length);
    one.received += length;
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0) return;
    char text[16];
    const void *wanted = one.content;
    size_t size = one.length;
    if (is("many")) {
        size = sprintf(text, "%zu", one.messages);
        wanted = text;
    }
    bool isText = is("many") || strcmp(one.field[TYPE], "text") == 0;
    if (isText == (bool)lws_frame_is_binary(wsi)) fail("Message", "of the other type");
    if (one.received != size || memcmp(one.incoming, wanted, size) != 0) fail("Message", "not what was sent");
    one.received = 0;
    one.messages++;
    if (!is("many") || one.messages == (size_t)number(COUNT)) toClose(wsi);
}

static int onEvent(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    const unsigned char *bytes = in;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        lws_hdr_copy(wsi, one.protocol, sizeof one.protocol, WSI_TOKEN_PROTOCOL);
        lws_hdr_copy(wsi, one.extensions, sizeof one.extensions, WSI_TOKEN_EXTENSIONS);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (is("subprotocol") && strcmp(one.protocol, one.field[AGREED]) != 0) fail("Subprotocol", one.protocol);
        one.extensions[strcspn(one.extensions, ";")] = 0;
        if (is("extensions") && strcmp(one.extensions, one.field[AGREED]) != 0) fail("Extension", one.extensions);
        if (is("subprotocol") || is("extensions")) one.closes = true;
        if (!is("closed")) lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return sendNext(wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        receive(wsi, in, length);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        if (length != one.length || memcmp(in, one.content, length) != 0) fail("Pong", "not of this ping");
        toClose(wsi);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        one.closes = true;
        if (!is("closed")) fail("Closed", "before the case was done");
        else if (length < 2 || bytes[0] << 8 != (number(STATUS) & 0xff00) || bytes[1] != (number(STATUS) & 0xff)) fail("Closed", "with another status");
        else if (length - 2 != strlen(one.field[REASON]) || memcmp(bytes + 2, one.field[REASON], length - 2) != 0) fail("Closed", "with another reason");
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fail("Not connected", in ? in : "");
        one.isDone = true;
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (!one.closes) fail("Closed", "without a close frame");
        one.isDone = true;
        return 0;
    default:
        return 0;
    }
}

/* What is agreed upon has to be here; where nothing is, the first one is taken. */
static const struct lws_protocols protocols[] = {
    {"none", onEvent, 0, 65536, 0, NULL, 0},
    {"chat.v1", onEvent, 0, 65536, 0, NULL, 0},
    {"chat.v2", onEvent, 0, 65536, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static const struct lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate; client_max_window_bits"},
    {NULL, NULL, NULL},
};

static void run(struct lws_context *context, char *line)
{
    memset(&one, 0, sizeof one);
    for (int at = 0; at < FIELDS; at++) one.field[at] = strsep(&line, "\x1f");
    makeContent();
    struct lws_client_connect_info info = {
        .context = context,
        .address = "127.0.0.1",
        .host = "127.0.0.1",
        .port = atoi(strrchr(one.field[URL], ':') + 1),
        .path = is("closed") ? "/close" : "/",
        .protocol = *one.field[OFFERED] ? one.field[OFFERED] : NULL,
    };
    alarm(caseDeadline);
    if (!lws_client_connect_via_info(&info)) fail("Not connected", "at once");
    else while (!one.isDone) lws_service(context, 0);
    printf("{\"case\":\"%s\",\"ok\":%s,\"detail\":\"%s\"}\n", one.field[NAME], *one.detail ? "false" : "true", one.detail);
    fflush(stdout);
    free(one.content);
    free(one.out);
    free(one.incoming);
}

int main(int count, char **arguments)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .extensions = extensions,
    };
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    if (!context) return 1;
    for (int at = 1; at < count; at++) run(context, arguments[at]);
    lws_context_destroy(context);
    return 0;
}
