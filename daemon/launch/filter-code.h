/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Seccomp programs, an instruction at a time. A program that grows too long says so at its end, once. */

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FilterCode {
        struct sock_filter code[2048];
        unsigned short n;
        bool overflow;
} FilterCode;

void filter_code_put(FilterCode *p, unsigned short code, uint8_t jt, uint8_t jf, uint32_t k);
void filter_code_load(FilterCode *p, size_t offset); /* of struct seccomp_data */

/* The low 32 bits of an argument, which is what the kernel looks at where it takes an int (CVE-2019-10063). */
void filter_code_load_argument(FilterCode *p, unsigned n);

void filter_code_return(FilterCode *p, uint32_t action);
void filter_code_refuse(FilterCode *p, int error);

/* Of what was loaded last. */
void filter_code_refuse_if_equal(FilterCode *p, uint32_t value, int error);
void filter_code_refuse_if_any_bit(FilterCode *p, uint32_t bits, int error);
void filter_code_refuse_unless_one_of(FilterCode *p, const uint32_t *values, size_t n, int error);

/* Of a whole program: one return serves all branches near it that lead to one like it, and what nothing leads to any more goes. What a program
 * decides stays. The kernel translates each program for each process that loads it, so each instruction costs every command that is
 * started. */
void filter_code_share_returns(FilterCode *p);
