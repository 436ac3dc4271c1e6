/*
 * libwebsockets as an echo server: `libwebsockets_server [--compression]` prints the port that it listens on. As every
 * server here it takes the subprotocol that the client likes best of those it knows, and at the path /close it closes with
 * 4002 and a reason at once.
 */

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A message, in the memory of the next one of its connection; LWS_PRE bytes are the library's, for a header. */
struct message {
    struct message *next;
    size_t length;
    bool is_binary;
    unsigned char bytes[];
};

struct connection {
    struct message *first, *last;
    /* The one that was given to the library last, which compresses it piece by piece, until it asks for the next one. */
    struct message *lent;
    /* The message that comes in. */
    unsigned char *incoming;
    size_t length;
    bool closes;
};

static void take(struct connection *connection, struct lws *wsi, const void *in, size_t length)
{
    connection->incoming = realloc(connection->incoming, connection->length + length + 1);
    memcpy(connection->incoming + connection->length, in, length);
    connection->length += length;
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0) return;
    struct message *message = malloc(sizeof *message + LWS_PRE + connection->length);
    message->next = NULL;
    message->length = connection->length;
    message->is_binary = lws_frame_is_binary(wsi);
    memcpy(message->bytes + LWS_PRE, connection->incoming, connection->length);
    connection->length = 0;
    if (connection->last) connection->last->next = message;
    else connection->first = message;
    connection->last = message;
    lws_callback_on_writable(wsi);
}

static int answer(struct connection *connection, struct lws *wsi)
{
    if (connection->closes) {
        lws_close_reason(wsi, 4002, (unsigned char *)"as you wish", 11);
        return -1;
    }
    free(connection->lent);
    struct message *message = connection->lent = connection->first;
    if (!message) return 0;
    enum lws_write_protocol kind = message->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    int written = lws_write(wsi, message->bytes + LWS_PRE, message->length, kind);
    connection->first = message->next;
    if (!connection->first) connection->last = NULL;
    if (written < 0) return -1;
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    struct connection *connection = user;
    char path[32] = "";
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        memset(connection, 0, sizeof *connection);
        lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
        connection->closes = strcmp(path, "/close") == 0;
        if (connection->closes) lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        take(connection, wsi, in, length);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return answer(connection, wsi);
    case LWS_CALLBACK_CLOSED:
        while (connection->first) {
            struct message *message = connection->first;
            connection->first = message->next;
            free(message);
        }
        free(connection->lent);
        free(connection->incoming);
        return 0;
    default:
        return 0;
    }
}

/* Who offers no subprotocol gets the first one here, and is told of none. */
static const struct lws_protocols protocols[] = {
    {"", on_event, sizeof(struct connection), 65536, 0, NULL, 0},
    {"chat.v1", on_event, sizeof(struct connection), 65536, 0, NULL, 0},
    {"chat.v2", on_event, sizeof(struct connection), 65536, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static const struct lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
    {NULL, NULL, NULL},
};

int main(int count, char **arguments)
{
    bool compresses = count > 1 && strcmp(arguments[1], "--compression") == 0;
    struct lws_context_creation_info info = {
        .iface = "lo",
        .port = 0,
        .protocols = protocols,
        .extensions = compresses ? extensions : NULL,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
    };
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *host = context ? lws_create_vhost(context, &info) : NULL;
    if (!host) return 1;
    printf("listening on %d\n", lws_get_vhost_listen_port(host));
    fflush(stdout);
    while (lws_service(context, 0) >= 0);
    lws_context_destroy(context);
    return 0;
}
