/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handed-over.h"

#include "cleanup.h"
#include "limits.h"
#include "say.h"

static void read_paths(HandedOver *h, WireReader *r) {
        for (size_t stop = wire_read_array(r, 4); wire_more(r, stop);) {
                const char *path = wire_read_string(r);
                if (!h->paths)
                        h->paths = calloc(LIMIT_HANDOFF_FOUND, sizeof(char *));
                char *copy = h->paths && h->n < LIMIT_HANDOFF_FOUND ? strdup(path) : NULL;
                if (copy)
                        h->paths[h->n++] = copy;
                else
                        h->partial = true;
        }
}

void handed_over_read(HandedOver *h, WireReader *r) {
        read_paths(h, r);
        for (size_t stop = wire_read_array(r, 8); wire_more(r, stop);) {
                wire_align(r, 8);
                const char *key = wire_read_string(r), *signature = wire_read_signature(r);
                if (streq(key, "handoff-whole") && streq(signature, "b"))
                        h->partial |= !wire_read_bool(r);
                else if (streq(key, "handoff-looked") && streq(signature, "b"))
                        h->killed = !wire_read_bool(r);
                else
                        wire_skip(r, &signature);
        }
}

void handed_over_say(const HandedOver *h) {
        if (h->n > 0)
                say("the agent made files that other programs may run or trust; look at them before you go "
                    "on:");
        for (size_t i = 0; i < h->n; i++)
                say("  %s", h->paths[i]);
        if (h->partial)
                say("%s: there may be %sfiles that other programs run or trust",
                                h->killed ? "it was killed before its files could be looked at"
                                          : "not everything was looked at",
                                h->n > 0 ? "more " : "");
}

void handed_over_clear(HandedOver *h) {
        for (size_t i = 0; i < h->n; i++)
                free(h->paths[i]);
        free(h->paths);
        *h = (HandedOver){ 0 };
}
