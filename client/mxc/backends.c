/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backends.h"

#include "ask.h"
#include "cleanup.h"
#include "door.h"
#include "names.h"

#include <poll.h>

DEFINE_CLEANUP(Door *, door_free);

typedef struct Features {
        bool reached, relay, sk_lookup;
} Features;

static void read_features(WireReader *r, Features *f) {
        if (!streq(wire_read_signature(r), "a{sv}"))
                return;
        f->reached = true;
        for (size_t stop = wire_read_array(r, 8); wire_more(r, stop);) {
                wire_align(r, 8);
                const char *key = wire_read_string(r), *signature = wire_read_signature(r);
                if (streq(key, "relay") && streq(signature, "b"))
                        f->relay = wire_read_bool(r);
                else if (streq(key, "sk-lookup") && streq(signature, "b"))
                        f->sk_lookup = wire_read_bool(r);
                else
                        wire_skip(r, &signature);
        }
}

static int ask_features(Door *d, Features *f) {
        WireWriter w;
        WireMessage m;
        int r = door_wait_ready(d, ASK_CONNECT_MSEC);
        if (r < 0)
                return r;
        uint32_t serial = door_begin(d, &w,
                        &(DoorCall){ .path = MXC_BUS_PATH,
                                        .interface = "org.freedesktop.DBus.Properties",
                                        .member = "Get",
                                        .signature = "ss" });
        wire_string(&w, MXC_IFACE_MANAGER);
        wire_string(&w, "Features");
        r = door_send(d, &w);
        while (r >= 0) {
                r = door_receive(d, &m);
                if (r > 0 && m.reply_serial == serial) {
                        if (m.type == WIRE_RETURN && streq(m.signature, "v"))
                                read_features(&m.body, f);
                        return 0;
                }
                struct pollfd p = { .fd = door_fd(d), .events = POLLIN };
                if (r == 0 && poll(&p, 1, ASK_CONNECT_MSEC) == 0)
                        return -ETIMEDOUT;
        }
        return r;
}

int mxc_backends_json(char **ret) {
        _cleanup_(door_freep) Door *d = NULL;
        Features f = { 0 };
        if (door_open(NULL, NULL, ASK_CONNECT_MSEC, &d) < 0 || ask_features(d, &f) < 0 || !f.reached)
                *ret = strdup("[]");
        else
                *ret = strdup(f.relay && f.sk_lookup ? "[{\"backend\":\"bubblewrap\",\"capabilities\":["
                                                       "\"filesystemDeniedPaths\","
                                                       "\"proxyEnforcement\"]}]"
                                                     : "[{\"backend\":\"bubblewrap\",\"capabilities\":["
                                                       "\"filesystemDeniedPaths\"],"
                                                       "\"warnings\":[\"This host has no user mxc-egress, "
                                                       "or its kernel no "
                                                       "sk_lookup programs: what reaches the network is "
                                                       "refused.\"]}]");
        return *ret ? 0 : -ENOMEM;
}
