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
