/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dump.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "sandbox.h"

static void dump_sandbox(Sandbox *s, void *userdata) {
        FILE *f = userdata;
        fprintf(f, "sandbox %s: %s, agent %s, policy %s %s, leader %d, commands %u, %s%s%s\n", s->id,
                        sandbox_state_to_string(s->state), s->agent->name, s->policy,
                        s->effective ? s->effective->policy->digest : "-", s->leader, s->n_commands,
                        s->leaf ? s->leaf : "-", s->tied ? ", tied" : "", s->adopted ? ", adopted" : "");
}

static void dump_agent(Agent *a, void *userdata) {
        FILE *f = userdata;
        const Scope *scope = a->scope;
        fprintf(f, "agent %s: %s, uid %u, policy %s, sandboxes %zu, scope %s\n", a->name,
                        agent_state_to_string(a->state), a->owner, a->policy, a->n_sandboxes,
                        scope ? scope->path : "-");
}

static void dump_all(Manager *m, FILE *f) {
        size_t n = 0;
        Usage *u;
        fprintf(f, "mxcd %s\nlauncher: %s\nsandboxes: %zu\nrecords that wait for the journal: %zu\n",
                        MXC_VERSION, launch_channel_is_up(m->launch) ? "connected" : "away", m->n_sandboxes,
                        audit_pending(m->audit));
        LIST_FOREACH(u, &m->usage, entries)
                fprintf(f, "uid %u: %zu requests under way, %zu sandboxes\n", u->uid, u->n_pending,
                                u->n_sandboxes);
        const StoredPolicy *list = policy_store_list(m->policies, &n);
        for (size_t i = 0; i < n; i++)
                fprintf(f, "policy %s: %s %s %s\n", list[i].name,
                                list[i].policy ? list[i].policy->digest : "-", list[i].file,
                                list[i].error ? list[i].error : "");
        registry_for_each(m->registry, dump_agent, f);
        sandbox_for_each(m, dump_sandbox, f);
}

int dump_state(Manager *m, int *ret_fd) {
        _cleanup_close_ int fd = memfd_create("mxcd-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        FILE *f = copy < 0 ? NULL : fdopen(copy, "w");
        if (!f) {
                int r = -errno;
                cleanup_closep(&copy);
                return r;
        }
        dump_all(m, f);
        if (fclose(f) != 0)
                return -EIO;
        if (lseek(fd, 0, SEEK_SET) < 0 ||
                        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}
