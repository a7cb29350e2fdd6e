/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the kernel refuses a sandbox at once: connect(2) and sendto(2) to where nothing could be reached, answered with EACCES before there is a
 * packet. It is not the barrier, which is that there is no way out but by mxc-egress. So one thing must hold: what the relay may allow is never
 * refused here. The other way round it need not: what is let through is judged there.
 *
 * All addresses, IPv4 as ::ffff:a.b.c.d, are a row of ranges; all ports of a protocol are a row of stretches. The lease says nothing that would
 * tell two addresses of a range, or two ports of a stretch, apart, so one answer of judge_connect() is that of all. An address that was handed
 * out for names, or stands for one, has a place of its own before the answer leaves. A lease that does not fit is let through whole.
 *
 * mxcd works the table out when there is a sandbox, and mxc-launch writes that, unread; mxc-egress keeps it from then on, in memory that it
 * shares with the kernel's programs (refuse-program.c). They check nothing that is in it but for their own bounds: whoever writes there can make
 * his own sandbox's refusals wrong. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lease.h"

struct Destination; /* judge.h */

#define REFUSAL_STRETCHES 64U  /* of ports */
#define REFUSAL_RANGES 128U    /* of addresses; powers of two */
#define REFUSAL_LEARNT 1024U   /* a power of two */
#define REFUSAL_LEARNT_BITS 10U
#define REFUSAL_LEARNT_MAX (REFUSAL_LEARNT / 4 * 3)
#define REFUSAL_PROBES 8U      /* places at which an address may be */
#define REFUSAL_HASH UINT64_C(0x9e3779b97f4a7c15)
#define REFUSAL_WORK 500000U   /* matches of a rule for one table: some milliseconds */

typedef enum RefusalWay { REFUSAL_TCP, REFUSAL_UDP, _REFUSAL_WAY_MAX } RefusalWay;

typedef struct RefusalPlace {
        uint64_t address[2];             /* the first one of a range; high, low. All ones: of nobody */
        uint64_t open[_REFUSAL_WAY_MAX]; /* a bit for each stretch: it is not refused here */
} RefusalPlace;

typedef struct RefusalTable {
        uint32_t version;      /* odd while it is written: then, and where it is another afterwards, nothing is refused */
        uint32_t holds;        /* 0: everything is let through */
        uint64_t lost;         /* refusals that there was no room to tell of. The kernel counts, whoever tells takes away */
        uint32_t n_learnt;
        uint32_t zero;         /* as it says */
        uint32_t ports[_REFUSAL_WAY_MAX][REFUSAL_STRETCHES]; /* where a stretch begins, the first at 0; UINT32_MAX behind the last */
        RefusalPlace ranges[REFUSAL_RANGES];
        RefusalPlace learnt[REFUSAL_LEARNT];
} RefusalTable;

/* What the kernel tells of a refusal, by a ring buffer (BPF_MAP_TYPE_RINGBUF). */
#define REFUSAL_RING_BYTES 8192U
typedef struct RefusalEvent {
        struct in6_addr address;
        uint32_t pid;          /* of the process, as the host knows it */
        uint16_t port;         /* of this host's byte order */
        uint8_t protocol;      /* IPPROTO_TCP or IPPROTO_UDP */
        uint8_t reserved;
        char program[16];      /* comm, which a program gives itself */
} RefusalEvent;

/* Of what a lease says of addresses; forgets what has been learnt, and no count. */
void refusal_table_fill(RefusalTable *t, const EgressLease *l);
/* An address that was handed out, as what the relay judges it by TCP and by UDP, with all the names that it has; at any time, of the lease
 * that the table was filled with. Ports and protocols that they say do not matter. */
void refusal_table_learn(RefusalTable *t, const EgressLease *l, const struct Destination *tcp, const struct Destination *udp);
/* What the kernel's programs say. */
bool refusal_table_refuses(const RefusalTable *t, const struct in6_addr *to, RefusalWay way, uint16_t port);

/* The table of another place, with what has been learnt. Where nothing is another, nothing is written: a relay that begins does not open the
 * moment in which nothing is refused, and whoever floods would find it. */
static inline void refusal_table_replace(RefusalTable *t, const RefusalTable *from) {
        const size_t head = offsetof(RefusalTable, n_learnt);
        if ((t->version & 1) == 0 && t->holds == from->holds &&
                        memcmp((const uint8_t *)t + head, (const uint8_t *)from + head, sizeof(*t) - head) == 0)
                return;
        (void)__atomic_or_fetch(&t->version, 1, __ATOMIC_SEQ_CST);
        t->holds = from->holds;
        memcpy((uint8_t *)t + head, (const uint8_t *)from + head, sizeof(*t) - head);
        (void)__atomic_add_fetch(&t->version, 1, __ATOMIC_SEQ_CST);
}

/* A sealed memfd with the table of that lease. */
int refusal_table_new(const EgressLease *l, int *ret);
