/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/audit.h>
#include <linux/seccomp.h>

#include "cleanup.h"
#include "filter-table.h"

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the architecture is not known here"
#endif

#define NO_CALL                                                                                             \
        UINT32_MAX /* -1: what a tracer makes of a call that is to be left out (seccomp(2), SECCOMP_RET_TRACE) */
#define X32_BIT 0x40000000U /* arch/x86/include/uapi/asm/unistd.h; no number anywhere else is as high */

static bool in_one_run(const FilterTable *t, size_t a, size_t b) {
        return !t->calls[a].check && !t->calls[b].check && t->calls[a].action == t->calls[b].action;
}

/* The first numbers of the runs; returns how many. */
static size_t find_runs(const FilterTable *t, uint16_t *ret) {
        size_t n = 0;
        for (size_t i = 0; i < FILTER_NUMBERS; i++)
                if (i == 0 || !in_one_run(t, i - 1, i))
                        ret[n++] = (uint16_t)i;
        return n;
}

static void put_runs(FilterCode *p, const FilterTable *t, const uint16_t *runs, size_t n);

/* What lies beyond the lower half is jumped to: by the comparison itself, or where that is too far for it, by a jump of its own. */
static void put_halves(FilterCode *p, const FilterTable *t, const uint16_t *runs, size_t n, bool far) {
        const size_t half = n / 2;
        const unsigned short begin = p->n;
        filter_code_put(p, BPF_JMP | BPF_JGE | BPF_K, 0, far ? 1 : 0, runs[half]);
        if (far)
                filter_code_put(p, BPF_JMP | BPF_JA, 0, 0, 0);
        const unsigned short lower = p->n;
        put_runs(p, t, runs, half);
        if (p->overflow)
                return;
        const unsigned short distance = (unsigned short)(p->n - lower);
        if (far)
                p->code[begin + 1].k = distance;
        else if (distance <= UINT8_MAX)
                p->code[begin].jt = (uint8_t)distance;
        else {
                p->n = begin;
                put_halves(p, t, runs, n, true);
                return;
        }
        put_runs(p, t, runs + half, n - half);
}

static void put_runs(FilterCode *p, const FilterTable *t, const uint16_t *runs, size_t n) {
        if (n > 1) {
                put_halves(p, t, runs, n, false);
                return;
        }
        const FilterVerdict *v = &t->calls[runs[0]];
        if (v->check)
                v->check(p);
        filter_code_return(p, v->action);
}

int filter_table_compile(const FilterTable *t, FilterProgram *ret) {
        uint16_t runs[FILTER_NUMBERS];
        _cleanup_free_ FilterCode *p = calloc(1, sizeof(FilterCode));
        if (!p)
                return -ENOMEM;
        filter_code_load(p, offsetof(struct seccomp_data, arch));
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
        filter_code_return(p, t->foreign);
        filter_code_load(p, offsetof(struct seccomp_data, nr));
        filter_code_put(p, BPF_JMP | BPF_JGE | BPF_K, 0, 4, FILTER_NUMBERS);
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, NO_CALL);
        filter_code_put(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
        filter_code_return(p, t->foreign);
        filter_code_return(p, t->beyond);
        put_runs(p, t, runs, find_runs(t, runs));
        if (p->overflow)
                return -E2BIG;
        filter_code_share_returns(p);
        struct sock_filter *code = malloc(p->n * sizeof(struct sock_filter));
        if (!code)
                return -ENOMEM;
        memcpy(code, p->code, p->n * sizeof(struct sock_filter));
        *ret = (FilterProgram){ code, p->n };
        return 0;
}
