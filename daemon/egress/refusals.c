/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "refusals.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "destination.h"
#include "egress-net.h"
#include "refusal-table.h"
#include "reports.h"
#include "synthetic.h"

/* The ring as the kernel lays it out: bpf_ringbuf(). */
#define PAGE 4096U
#define BUSY (1U << 31)      /* is still being written */
#define DISCARDED (1U << 30) /* and is none */
#define HEAD 8U              /* of a record */

struct Refusals {
        Egress *egress;      /* not owned */
        RefusalTable *table; /* the kernel's */
        RefusalTable draft;
        uint64_t *taken; /* how far we have read */
        const uint64_t *written;
        const uint8_t *data; /* of the ring, twice, so that no record ends at its edge */
        sd_event_source *io;
};

/* ---- what it tells ---- */

static void tell(Refusals *r, const RefusalEvent *event) {
        Egress *e = r->egress;
        const char *hosts[NAMES_PER_ADDRESS];
        const struct sockaddr_in6 to = {
                .sin6_family = AF_INET6, .sin6_port = htons(event->port), .sin6_addr = event->address
        };
        Destination d = { .published = 0 };
        destination_find(e, &to, event->protocol == IPPROTO_UDP ? PROTOCOL_UDP : PROTOCOL_TCP, hosts, &d);
        Judgement j = judge_connect(e->lease, &d);
        if (j.verdict == VERDICT_ALLOW) /* since then; by the lease of that time it was not */
                j = (Judgement){ .verdict = VERDICT_DENY,
                        .reason = EGRESS_BY_DEFAULT,
                        .clause = "/network/egress/default" };
        report_call(e, &d, &j, event);
}

/* The next record before end, or NULL. Its place is ours until *taken says otherwise. */
static const uint8_t *next_record(const Refusals *r, uint64_t end, uint64_t *ret_size) {
        if (*r->taken >= end)
                return NULL;
        const uint8_t *record = r->data + *r->taken % REFUSAL_RING_BYTES;
        const uint32_t head = __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
        if (head & BUSY)
                return NULL;
        *ret_size = head;
        return record + HEAD;
}

/* What comes meanwhile has its turn after others: the ring wakes us for as long as something is in it. While four processes are refused as fast as they
 * can be, a lease is in force in 0.2 to 0.5 s, and in 0.9 to 4.2 where the ring is read until it is empty. No test holds that: also then the reading
 * ends sometime, at a record that is still being written. */
void refusals_tell(Refusals *r) {
        uint64_t head = 0;
        if (!r)
                return;
        const uint64_t end = __atomic_load_n(r->written, __ATOMIC_ACQUIRE);
        for (const uint8_t *record; (record = next_record(r, end, &head));) {
                const uint64_t size = head & ~(uint64_t)DISCARDED;
                if ((head & DISCARDED) == 0 && size == sizeof(RefusalEvent)) {
                        RefusalEvent event;
                        memcpy(&event, record, sizeof(event));
                        tell(r, &event);
                }
                __atomic_store_n(r->taken, *r->taken + (HEAD + size + 7) / 8 * 8, __ATOMIC_RELEASE);
        }
        const uint64_t lost = __atomic_exchange_n(&r->table->lost, 0, __ATOMIC_ACQ_REL);
        if (lost > 0)
                report_many(r->egress, lost);
}

static int on_ring(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        refusals_tell(userdata);
        return 0;
}

/* ---- what it goes by ---- */

static void learn_into(RefusalTable *t, const Egress *e, const NetCidr *address) {
        const char *tcp_hosts[NAMES_PER_ADDRESS], *udp_hosts[NAMES_PER_ADDRESS];
        Destination tcp = { .published = 0 }, udp = { .published = 0 };
        destination_of_address(e, address, PROTOCOL_TCP, tcp_hosts, &tcp);
        destination_of_address(e, address, PROTOCOL_UDP, udp_hosts, &udp);
        refusal_table_learn(t, e->lease, &tcp, &udp);
}

static void learn(void *userdata, const NetCidr *address) {
        Refusals *r = userdata;
        learn_into(&r->draft, r->egress, address);
}

void refusals_judge_again(Refusals *r) {
        if (!r)
                return;
        refusal_table_fill(&r->draft, r->egress->lease);
        names_each(r->egress->names, learn, r);
        if (r->egress->synthetic)
                synthetic_each(r->egress->synthetic, learn, r);
        refusal_table_replace(r->table, &r->draft);
}

void refusals_learn(Refusals *r, const NetCidr *address) {
        if (r)
                learn_into(r->table, r->egress, address);
}

/* ---- */

static void *map(int fd, size_t size, int protection, off_t from) {
        void *place = mmap(NULL, size, protection, MAP_SHARED, fd, from);
        return place == MAP_FAILED ? NULL : place;
}

static int map_all(Refusals *r) {
        r->table = map(EGRESS_FD_TABLE, sizeof(RefusalTable), PROT_READ | PROT_WRITE, 0);
        r->taken = r->table ? map(EGRESS_FD_REFUSED, PAGE, PROT_READ | PROT_WRITE, 0) : NULL;
        uint8_t *rest = r->taken ? map(EGRESS_FD_REFUSED, PAGE + 2 * (size_t)REFUSAL_RING_BYTES, PROT_READ,
                                                   PAGE)
                                 : NULL;
        if (!rest)
                return -errno;
        r->written = (const uint64_t *)(const void *)rest;
        r->data = rest + PAGE;
        return 0;
}

int refusals_new(Egress *e, Refusals **ret) {
        struct stat st;
        *ret = NULL;
        if (fstat(EGRESS_FD_TABLE, &st) < 0)
                return -errno;
        if (S_ISCHR(st.st_mode)) /* /dev/null: this host has none */
                return 0;
        if (sysconf(_SC_PAGESIZE) != PAGE) /* then there is no ring of this size, and so no table */
                return -EINVAL;
        Refusals *r = calloc(1, sizeof(Refusals));
        if (!r)
                return -ENOMEM;
        r->egress = e;
        int k = map_all(r);
        if (k >= 0)
                k = sd_event_add_io(e->event, &r->io, EGRESS_FD_REFUSED, EPOLLIN, on_ring, r);
        if (k < 0) {
                (void)refusals_free(r); /* NULL */
                return k;
        }
        refusals_judge_again(r);
        *ret = r;
        return 0;
}

Refusals *refusals_free(Refusals *r) {
        if (!r)
                return NULL;
        if (r->data)
                refusals_tell(r);
        sd_event_source_disable_unref(r->io);
        free(r); /* what is mapped goes with the process */
        return NULL;
}
