/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the policy tests share. Documents are written with ' for " so that they can be read. */

#include <check.h>

#include "policy-internal.h"

/* ' becomes "; the caller frees */
char *requote(const char *text);
/* A policy of a document without its schema line, e.g. "'filesystem': {…}" or "". Fails the test where it is refused. */
Policy *policy_of(const char *body);
/* A whole document that must be refused, at this pointer, with this in the sentence. */
void refused(const char *text, const char *pointer, const char *fragment);
/* The same for a body as policy_of() takes it. */
void refused_body(const char *body, const char *pointer, const char *fragment);
Verdict asks(const Policy *p, RequestKind kind, const char *target);
/* Runs one suite of one case and gives main()'s status. */
int run_case(const char *name, TCase *tests);
