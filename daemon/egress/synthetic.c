/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "synthetic.h"

#include "cleanup.h"
#include "egress-net.h"

#define SLOTS (1U << 17) /* of EGRESS_SYNTHETIC_V4; neither the first nor the last is used */

struct Synthetic {
        char *hosts[SLOTS]; /* most of it is never touched */
        size_t n;
};

int synthetic_new(Synthetic **ret) {
        Synthetic *s = calloc(1, sizeof(Synthetic));
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

Synthetic *synthetic_free(Synthetic *s) {
        for (size_t i = 0; s && s->n > 0; i++)
                if (s->hosts[i]) {
                        free(s->hosts[i]);
                        s->n--;
                }
        free(s);
        return NULL;
}

/* FNV-1a. Who chooses names so that they collide makes a search of SYNTHETIC_MAX at most. */
static unsigned slot_of(const char *host) {
        uint32_t h = 2166136261U;
        for (; *host; host++)
                h = (h ^ (uint8_t)*host) * 16777619U;
        return 1 + h % (SLOTS - 2);
}

static unsigned next(unsigned slot) {
        return slot == SLOTS - 2 ? 1 : slot + 1;
}

static void address_of(unsigned slot, int family, NetCidr *ret) {
        const uint8_t v4[4] = { 198, (uint8_t)(18 + (slot >> 16)), (uint8_t)(slot >> 8), (uint8_t)slot };
        NetCidr block = { .prefix = 0 };
        (void)cidr_parse(EGRESS_SYNTHETIC_V6, &block); /* it is one, and tested */
        memcpy(block.address + 12, v4, sizeof(v4));
        cidr_from_address(family, family == AF_INET ? v4 : block.address, ret);
}

int synthetic_address(Synthetic *s, const char *host, int family, NetCidr *ret) {
        unsigned slot = slot_of(host);
        while (s->hosts[slot] && !streq(s->hosts[slot], host))
                slot = next(slot);
        if (!s->hosts[slot]) {
                if (s->n >= SYNTHETIC_MAX)
                        return -ENOSPC;
                s->hosts[slot] = strdup(host);
                if (!s->hosts[slot])
                        return -ENOMEM;
                s->n++;
        }
        address_of(slot, family, ret);
        return 0;
}

void synthetic_each(
                const Synthetic *s, void (*each)(void *userdata, const NetCidr *address), void *userdata) {
        static const int families[] = { AF_INET, AF_INET6 };
        size_t left = s->n;
        for (unsigned slot = 0; left > 0; slot++) {
                if (!s->hosts[slot])
                        continue;
                left--;
                for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                        NetCidr address;
                        address_of(slot, families[i], &address);
                        each(userdata, &address);
                }
        }
}

const char *synthetic_host(const Synthetic *s, const NetCidr *address) {
        const uint8_t *v4 = address->address + (address->family == AF_INET ? 0 : 12);
        if (!address_is_synthetic(address) || v4[0] != 198 || (v4[1] & 0xfe) != 18)
                return NULL;
        return s->hosts[(unsigned)(v4[1] & 1) << 16 | (unsigned)v4[2] << 8 | v4[3]];
}
