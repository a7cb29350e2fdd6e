/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What main.c has a verb for; each in the file of its noun. */

#include "verb.h"

int list_sandboxes(const Verb *v, Options *o);
int show_sandboxes(const Verb *v, Options *o);
int show_status(const Verb *v, Options *o);
int net_show(const Verb *v, Options *o);
extern const Option net_options[];
int grant_destination(const Verb *v, Options *o);
int grant_revoke(const Verb *v, Options *o);
int top_sandboxes(const Verb *v, Options *o);

int kill_sandboxes(const Verb *v, Options *o);
int freeze_sandboxes(const Verb *v, Options *o);
int thaw_sandboxes(const Verb *v, Options *o);
int stop_sandboxes(const Verb *v, Options *o);
extern const Option kill_options[];

int agent_list(const Verb *v, Options *o);
int agent_show(const Verb *v, Options *o);
int agent_register(const Verb *v, Options *o);
int agent_revoke(const Verb *v, Options *o);
int agent_suspend(const Verb *v, Options *o);
int agent_resume(const Verb *v, Options *o);
int agent_set_policy(const Verb *v, Options *o);
int agent_kill(const Verb *v, Options *o);
extern const Option agent_register_options[], agent_reason_options[];

int policy_list(const Verb *v, Options *o);
int policy_show(const Verb *v, Options *o);
int policy_check(const Verb *v, Options *o);
int policy_explain(const Verb *v, Options *o);
int policy_diff(const Verb *v, Options *o);
int policy_translate(const Verb *v, Options *o);
extern const Option policy_explain_options[];

int reload_daemon(const Verb *v, Options *o);
int dump_daemon(const Verb *v, Options *o);

int audit_show(const Verb *v, Options *o);
extern const Option audit_options[], top_options[], list_options[];
