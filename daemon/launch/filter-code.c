/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/seccomp.h>

#include "cleanup.h"
#include "filter-code.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument is elsewhere");

void filter_code_put(FilterCode *p, unsigned short code, uint8_t jt, uint8_t jf, uint32_t k) {
        if (p->n == ELEMENTSOF(p->code))
                p->overflow = true;
        else
                p->code[p->n++] = (struct sock_filter){ code, jt, jf, k };
}

void filter_code_load(FilterCode *p, size_t offset) {
        filter_code_put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

void filter_code_load_argument(FilterCode *p, unsigned n) {
        filter_code_load(p, offsetof(struct seccomp_data, args) + n * sizeof(uint64_t));
}

void filter_code_return(FilterCode *p, uint32_t action) {
        filter_code_put(p, BPF_RET | BPF_K, 0, 0, action);
}

void filter_code_refuse(FilterCode *p, int error) {
        filter_code_return(p, SECCOMP_RET_ERRNO | (uint32_t)error);
}

void filter_code_refuse_if_equal(FilterCode *p, uint32_t value, int error) {
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
        filter_code_refuse(p, error);
}

void filter_code_refuse_if_any_bit(FilterCode *p, uint32_t bits, int error) {
        filter_code_put(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
        filter_code_refuse(p, error);
}

void filter_code_refuse_unless_one_of(FilterCode *p, const uint32_t *values, size_t n, int error) {
        for (size_t i = 0; i < n; i++)
                filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(n - i), 0, values[i]);
        filter_code_refuse(p, error);
}

/* ---- less of it ---- */

static bool is_return(const FilterCode *p, size_t at) {
        return p->code[at].code == (BPF_RET | BPF_K);
}

static bool is_branch(const struct sock_filter *f) {
        return BPF_CLASS(f->code) == BPF_JMP && f->code != (BPF_JMP | BPF_JA);
}

/* Where the branches that were looked at last go for a return that says so. */
typedef struct Shared {
        uint32_t says;
        size_t at; /* 0: free */
} Shared;

#define SHARED_MAX 16 /* a program has some six; of more each keeps its own */

/* Where a branch at `from` that leads to the return at `at` may go as well: where those behind it go, for as long as that is near enough, and
 * then to the next one alike, which is near enough for most in front of it. All between them are nobody's then. */
static size_t find_alike(const FilterCode *p, size_t from, size_t at, Shared *list) {
        const uint32_t says = p->code[at].k;
        size_t i = 0;
        while (i < SHARED_MAX && list[i].at > 0 && list[i].says != says)
                i++;
        if (i == SHARED_MAX)
                return at;
        if (list[i].at == 0 || list[i].at > from + 1 + UINT8_MAX) {
                list[i] = (Shared){ says, from + 1 };
                while (!is_return(p, list[i].at) || p->code[list[i].at].k != says)
                        list[i].at++; /* to `at` at the most */
        }
        return list[i].at;
}

/* From the end: so what is shared lies behind whoever is looked at. */
static void redirect(FilterCode *p) {
        Shared list[SHARED_MAX] = { { 0 } };
        for (size_t i = p->n; i-- > 0;) {
                struct sock_filter *f = &p->code[i];
                uint8_t *const ways[] = { &f->jt, &f->jf };
                for (size_t w = 0; is_branch(f) && w < ELEMENTSOF(ways); w++) {
                        const size_t at = i + 1 + *ways[w];
                        if (is_return(p, at))
                                *ways[w] = (uint8_t)(find_alike(p, i, at, list) - i - 1);
                }
        }
}

/* Every jump goes forward, so one pass finds all that is reached. */
static void mark_reached(const FilterCode *p, bool *reached) {
        reached[0] = true;
        for (size_t i = 0; i < p->n; i++) {
                const struct sock_filter *f = &p->code[i];
                if (!reached[i] || is_return(p, i))
                        continue;
                reached[i + 1 + (f->code == (BPF_JMP | BPF_JA) ? f->k : is_branch(f) ? f->jt : 0U)] = true;
                if (is_branch(f))
                        reached[i + 1 + f->jf] = true;
        }
}

void filter_code_share_returns(FilterCode *p) {
        bool reached[ELEMENTSOF(p->code) + 1] = { false };
        uint16_t place[ELEMENTSOF(p->code) + 1];
        uint16_t n = 0;
        redirect(p);
        mark_reached(p, reached);
        for (size_t i = 0; i < p->n; i++) {
                place[i] = n;
                n += reached[i];
        }
        for (size_t i = 0; i < p->n; i++) {
                struct sock_filter f = p->code[i];
                if (!reached[i])
                        continue;
                if (f.code == (BPF_JMP | BPF_JA))
                        f.k = place[i + 1 + f.k] - place[i] - 1U;
                if (is_branch(&f)) {
                        f.jt = (uint8_t)(place[i + 1 + f.jt] - place[i] - 1);
                        f.jf = (uint8_t)(place[i + 1 + f.jf] - place[i] - 1);
                }
                p->code[place[i]] = f; /* where it is, or further in front */
        }
        p->n = n;
}
