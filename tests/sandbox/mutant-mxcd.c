/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxcd with its own walls taken out, as mutant.c is the launcher: MXC_WITHOUT names the one that is left out. scenarios/mxcd-walls.sh has it
 * run in the place of mxcd, and sees the tests of that wall fail. typeof: what stands for a function has its shape, or does not compile. */

#include <stdio.h>
#include <stdlib.h>

#include "admit.h"
#include "authorize.h"
#include "caller-process.h"
#include "cleanup.h"
#include "journal-socket.h"
#include "manager.h"
#include "policy.h"

static const char *const locks[] = {
        "admit",      /* a suspended or revoked agent starts nothing, nor does one too many */
        "authorize",  /* by the table, and by polkit */
        "in-sandbox", /* who lives in a sandbox has no say */
        "meet",       /* what holds is what all that bounds it allow */
        "record",     /* comes first, and without it the answer is no */
        "sees",       /* one's own, and no more */
        "within",     /* who asks for more than what bounds it is refused */
};

static bool left_out(const char *name) {
        const char *without = getenv("MXC_WITHOUT");
        return without && streq(without, name);
}

typeof(manager_new) __real_manager_new, __wrap_manager_new;
int __wrap_manager_new(sd_event *event, Manager **ret) {
        bool known = !getenv("MXC_WITHOUT");
        for (size_t i = 0; i < ELEMENTSOF(locks); i++)
                known = known || left_out(locks[i]);
        return known ? __real_manager_new(event, ret) : -EINVAL; /* a misspelt one would prove nothing */
}

/* ---- who may ---- */

typeof(authorize) __real_authorize, __wrap_authorize;
int __wrap_authorize(Authorizer *a, Caller *caller, const char *interface, const char *method, uid_t owner,
                bool interactive, AuthorizeDone done, void *userdata) {
        if (!left_out("authorize"))
                return __real_authorize(a, caller, interface, method, owner, interactive, done, userdata);
        done(true, NULL, userdata);
        return 0;
}

typeof(authorize_sees) __real_authorize_sees, __wrap_authorize_sees;
bool __wrap_authorize_sees(Authorizer *a, const Caller *caller, uid_t owner) {
        return left_out("sees") || __real_authorize_sees(a, caller, owner);
}

typeof(caller_process_look) __real_caller_process_look, __wrap_caller_process_look;
int __wrap_caller_process_look(pid_t pid, int pidfd, CallerProcess *ret) {
        int r = __real_caller_process_look(pid, pidfd, ret);
        if (r == 0 && left_out("in-sandbox"))
                ret->in_sandbox = false;
        return r;
}

typeof(admit) __real_admit, __wrap_admit;
bool __wrap_admit(Act *a, const Agent *agent) {
        return left_out("admit") || __real_admit(a, agent);
}

/* ---- what ---- */

typeof(policy_within) __real_policy_within, __wrap_policy_within;
bool __wrap_policy_within(const Policy *a, const Policy *b, Widening *ret) {
        return left_out("within") || __real_policy_within(a, b, ret);
}

typeof(policy_meet) __real_policy_meet, __wrap_policy_meet;
int __wrap_policy_meet(const Policy *a, const Policy *b, Policy **ret) {
        if (!left_out("meet"))
                return __real_policy_meet(a, b, ret);
        *ret = policy_ref((Policy *)a);
        return 0;
}

/* ---- on record ---- */

typeof(journal_socket_check) __real_journal_socket_check, __wrap_journal_socket_check;
int __wrap_journal_socket_check(JournalSocket *j) {
        int r = __real_journal_socket_check(j);
        return left_out("record") ? 0 : r;
}

typeof(journal_socket_send) __real_journal_socket_send, __wrap_journal_socket_send;
int __wrap_journal_socket_send(JournalSocket *j, const void *data, size_t size) {
        int r = __real_journal_socket_send(j, data, size);
        return left_out("record") ? 0 : r;
}
