/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "plan.h"
#include "template.h"

/* Compiles the programs of a template; ret_mediator may be NULL. *ret_detail (static) names the call that cannot be had. 0 or a
 * negative errno, and nothing was made. */
int filter_compile(const PlanTemplate *t, FilterProgram *ret_init, FilterProgram *ret_mediator, FilterProgram *ret_command,
                const char **ret_detail);

/* Loads a program into the calling process, which has no_new_privs. An empty program is nothing. */
int filter_load(const FilterProgram *program);

void filter_program_clear(FilterProgram *p);
