/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "names.h"

#include <sys/queue.h>

#include "cleanup.h"

#define BUCKETS 1024U

typedef struct Entry {
        SLIST_ENTRY(Entry) entries;
        NetCidr address;
        char host[];
} Entry;

struct Names {
        SLIST_HEAD(, Entry) buckets[BUCKETS];
        size_t n;
};

DEFINE_CLEANUP(Names *, names_free);

int names_new(Names **ret) {
        Names *n = calloc(1, sizeof(Names)); /* empty lists are NULL */
        if (!n)
                return -ENOMEM;
        *ret = n;
        return 0;
}

Names *names_free(Names *n) {
        for (size_t i = 0; n && i < BUCKETS; i++)
                for (Entry *e; (e = SLIST_FIRST(&n->buckets[i]));) {
                        SLIST_REMOVE_HEAD(&n->buckets[i], entries);
                        free(e);
                }
        free(n);
        return NULL;
}

/* FNV-1a. Who chooses addresses so that they collide makes a list of NAMES_MAX entries at most. */
static unsigned bucket(const NetCidr *address) {
        uint32_t h = 2166136261U;
        for (size_t i = 0; i < sizeof(address->address); i++)
                h = (h ^ address->address[i]) * 16777619U;
        return h % BUCKETS;
}

int names_learn(Names *n, const NetCidr *address, const char *host) {
        unsigned b = bucket(address);
        size_t of_address = 0;
        Entry *e;
        SLIST_FOREACH(e, &n->buckets[b], entries) {
                if (!cidr_equal(&e->address, address))
                        continue;
                if (streq(e->host, host)) {
                        SLIST_REMOVE(&n->buckets[b], e, Entry, entries);
                        SLIST_INSERT_HEAD(&n->buckets[b], e, entries);
                        return 0;
                }
                of_address++;
        }
        if (n->n >= NAMES_MAX || of_address >= NAMES_PER_ADDRESS)
                return -ENOSPC;
        size_t size = strlen(host) + 1;
        e = malloc(sizeof(Entry) + size);
        if (!e)
                return -ENOMEM;
        e->address = *address;
        memcpy(e->host, host, size);
        SLIST_INSERT_HEAD(&n->buckets[b], e, entries);
        n->n++;
        return 0;
}

size_t names_of(const Names *n, const NetCidr *address, const char *ret[NAMES_PER_ADDRESS]) {
        size_t found = 0;
        const Entry *e;
        SLIST_FOREACH(e, &n->buckets[bucket(address)], entries)
                if (cidr_equal(&e->address, address) && found < NAMES_PER_ADDRESS)
                        ret[found++] = e->host;
        return found;
}

void names_each(const Names *n, void (*each)(void *userdata, const NetCidr *address), void *userdata) {
        for (size_t i = 0; i < BUCKETS; i++) {
                const Entry *e;
                SLIST_FOREACH(e, &n->buckets[i], entries)
                        each(userdata, &e->address);
        }
}
