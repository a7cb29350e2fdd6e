/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdbool.h>

#include "plan.h"
#include "template.h"

/* Compiles the programs of a template, those of mediation if asked. *ret_detail (static) names the call that cannot be had. 0 or a
 * negative errno, and nothing was made. */
int filter_compile(const PlanTemplate *plan, bool mediate, Filters *ret, const char **ret_detail);
void filters_clear(Filters *f);

/* Loads a program into the calling process, which has no_new_privs. An empty program is nothing. */
int filter_load(const FilterProgram *program);

/* The same of one that brings calls to a listener, which it returns. */
int filter_load_listener(const FilterProgram *program);

/* Pid 1's own, in its place; or whether that is after its command has begun. */
struct Cage;
bool filter_comes_later(const struct Cage *c);
int filter_load_init(const struct Cage *c);

void filter_program_clear(FilterProgram *p);
