/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One connection of the sandbox, from accept() to its last byte:
 *
 *   SEEKING ─the name's addresses are known─► ASKED, of what stands for a name; and back where nobody takes it at one of them
 *   ASKED ─on record─► DIALING ─connected─► OPEN ─both ways over─► gone
 *   OPEN ─what it says of itself is refused─► REFUSED ─told─► gone
 * Every other end is at once, by a reset. */

#include "egress.h"
#include "flow.h"
#include "proxy-request.h"

typedef enum ConnectionState { CONNECTION_SEEKING, CONNECTION_ASKED, CONNECTION_DIALING, CONNECTION_OPEN, CONNECTION_REFUSED } ConnectionState;
typedef enum Sniff { SNIFF_FIRST, SNIFF_TLS, SNIFF_TLS_MORE, SNIFF_HTTP, SNIFF_OPAQUE } Sniff;

typedef struct UpstreamDial UpstreamDial; /* upstream-dial.c */

#define CONNECTION_MORE 7U

struct Connection {
        LIST_ENTRY(Connection) entries;
        Egress *egress;                /* not owned */
        ConnectionState state;
        uint64_t serial, began;        /* CLOCK_MONOTONIC */
        int inner, outer;              /* the sandbox's end, the world's */
        sd_event_source *inner_io, *outer_io, *timer;
        struct sockaddr_in6 address;   /* that was dialled, and is */
        Destination destination;
        const char *hosts[NAMES_PER_ADDRESS];
        const char *stands_for;        /* what was dialled inside: the name, whose are the places; NULL: it is the place */
        NetCidr *places;               /* that were not tried yet */
        size_t n_places;
        int sought[2];                 /* families that were asked for; AF_UNSPEC: none */
        bool tried;                    /* one of the places was dialled, which is on record */
        Judgement judgement;
        Flow up, down;                 /* out of the sandbox, into it */
        Sniff sniff;
        TlsWalk walk;                  /* SNIFF_TLS_MORE: behind the first hello */
        uint8_t answer[TLS_ANSWER_SIZE]; /* of it: what the server said first */
        size_t answer_size;
        HttpStream http;
        bool unheard;                  /* it has said nothing by which a name could be judged, because nobody listened or it named none */
        bool encrypted;                /* a hello had an encrypted server name too */
        bool in_http;                  /* a first request was accepted */
        bool timing;                   /* timer is for the rest of a hello or a head */
        char claimed[LIMIT_HOST_BYTES + 1]; /* what it said of itself; "" where it did not */
        char refused[LIMIT_HOST_BYTES + 1]; /* the same, where that was refused */
        struct Way *way;               /* of a guest (guest.c), to whom inner belongs; NULL: it goes out */
        Guest guest;
        uint16_t inside;               /* the sandbox's port that it is for */
        bool clean;                    /* all that was said has been */
        ProxyKind proxy;               /* it has been asked for so, and is not answered yet */
        char named[LIMIT_HOST_BYTES + 1]; /* a client of the proxy named it, and the host's proxy finds the address; "": it has one */
        struct in6_addr more[CONNECTION_MORE]; /* that the same client may go to where this comes to nothing: each as one of its own */
        size_t n_more;
        bool upstream;                 /* it goes by the host's proxy */
        UpstreamDial *dial;            /* until it is open */
        unsigned status;               /* that the host's proxy answered; 0 */
        uint64_t bytes_out, bytes_in;
};

/* Of somebody from outside, who has been let in. */
typedef struct ConnectionGuest {
        int fd;
        Guest guest;
        Destination from;
        Judgement judgement;
        uint16_t port;                 /* of the sandbox */
        struct Way *way;
} ConnectionGuest;

typedef struct ConnectionClient {
        int fd;
        struct sockaddr_in6 to;
        const char *host;              /* NULL; or it is for the host's proxy to find, and to has only a port */
        ProxyKind kind;                /* who is to be told what comes of it; PROXY_NONE: it was dialled */
        const struct in6_addr *more;   /* where else, in turn */
        size_t n_more;                 /* at most CONNECTION_MORE */
        const uint8_t *said;           /* bytes that came already */
        size_t size;
} ConnectionClient;

/* Takes its descriptor. */
void connection_take(Egress *e, const ConnectionClient *client);
/* Takes the descriptor and the way; false: neither. */
bool connection_take_guest(Egress *e, const ConnectionGuest *q);
/* What was tried for it has a result: 0, and it is being dialled; a negative errno, and it is gone. */
void connection_go_on(Connection *c, int result);
/* Closes it by a reset. */
void connection_reset(int fd);

/* sniff.c. How much of what is held by up may pass: moves up.cleared. False: it is refused; *ret is why, *ret_text (static, *ret_size bytes) what
 * the client is told. */
bool sniff_up(Connection *c, Judgement *ret, const void **ret_text, size_t *ret_size);
/* What the server says tells whether there can be a further hello. To be called with all that it says, from the first byte on. */
void sniff_down(Connection *c, const uint8_t *data, size_t size);
/* Some bytes wait for others to make sense. */
bool sniff_waits(const Connection *c);
