/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A verdict for each system call by its number, and the program that gives it.
 *
 * The program is a binary search over runs of numbers that have the same verdict. The kernel tries a new program with every number
 * that it has (seccomp_cache_prepare(), Linux 5.11), so what a load costs is the length of the way to a number; a list, or
 * libseccomp's tree of single numbers, is measurably dearer for each command that is started. */

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "filter-code.h"
#include "template.h"

#define FILTER_NUMBERS 1024 /* more than any architecture has */

typedef struct FilterVerdict {
        uint32_t action;              /* SECCOMP_RET_… */
        void (*check)(FilterCode *p); /* puts code in front of the action, which may refuse; or NULL */
} FilterVerdict;

typedef struct FilterTable {
        FilterVerdict calls[FILTER_NUMBERS];
        uint32_t beyond;  /* of a higher number */
        uint32_t foreign; /* of another architecture, and of x32 */
} FilterTable;

/* 0, or -E2BIG or -ENOMEM and nothing was made. */
int filter_table_compile(const FilterTable *t, FilterProgram *ret);
