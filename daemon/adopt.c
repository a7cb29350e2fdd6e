/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adopt.h"

#include <dirent.h>
#include <fcntl.h>

#include "cgroup-path.h"
#include "cleanup.h"
#include "fd.h"
#include "log.h"
#include "names.h"
#include "relay.h"
#include "release.h"
#include "sandbox.h"

#define SCOPE_PREFIX "mxc-"
#define SCOPE_SUFFIX ".scope"

DEFINE_CLEANUP(DIR *, closedir);

struct Found {
        json_t *records; /* id → record */
};

static void add_record(const char *id, const json_t *record, void *userdata) {
        Found *f = userdata;
        if (record && json_object_set(f->records, id, (json_t *)record) < 0)
                log_error("The record of sandbox %s is not kept: out of memory", id);
}

int adopt_begin(Manager *m, Found **ret) {
        Found *f = calloc(1, sizeof(Found));
        if (!f)
                return -ENOMEM;
        f->records = json_object();
        int r = f->records ? runtime_load_all(add_record, f) : -ENOMEM;
        if (r < 0) {
                adopt_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

Found *adopt_free(Found *f) {
        if (f)
                json_decref(f->records);
        free(f);
        return NULL;
}

/* ---- one sandbox ---- */

static int fill(Sandbox *s, const char *scope, const json_t *record) {
        Command *c;
        int r = runtime_restore(s, record);
        if (r == 0)
                r = scope_adopt(s->manager, s->agent, scope, &s->scope);
        if (r == 0)
                r = asprintf(&s->leaf, "%s/%s", scope, s->id) < 0 ? -ENOMEM : 0;
        if (r == 0)
                r = command_new(s, 0, NULL, NULL, s->tied, &c);
        if (r == 0)
                c->started = s->started_boottime;
        if (r == 0)
                r = sandbox_arm_timer(s);
        s->adopted = true;
        s->state = SANDBOX_RUNNING;
        return r;
}

/* It was to stand still; whether all of it does, sandbox_stands_still() says. */
static bool was_frozen(const Sandbox *s) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        return asprintf(&path, "%s%s/cgroup.freeze", s->manager->cgroup_path, s->leaf) >= 0 &&
               fd_read_file_at(AT_FDCWD, path, 16, &text, NULL) >= 0 && text[0] == '1';
}

/* From its record. The record goes: what stays in the end has no sandbox. */
static int adopt(Manager *m, Found *f, const char *id, const char *scope, pid_t leader, Sandbox **ret) {
        const char *name;
        uid_t owner;
        const json_t *record = f ? json_object_get(f->records, id) : NULL;
        int r = record ? runtime_record_agent(record, &name, &owner) : -ENOENT;
        if (r < 0)
                return r;
        Agent *agent = registry_find(m->registry, name);
        if (!agent)
                agent = registry_get(m->registry, "",
                                owner); /* a default agent, not yet asked for in this life */
        if (!agent || !streq(agent->name, name) || agent->owner != owner)
                return -ENOENT;
        Sandbox *s;
        r = sandbox_new(m, id, agent, &s);
        if (r < 0)
                return r;
        r = fill(s, scope, record);
        if (r < 0) {
                sandbox_free(s);
                return r;
        }
        (void)json_object_del(f->records, id); /* it is there: it was just found */
        if (was_frozen(s) && sandbox_stands_still(s))
                s->state = SANDBOX_FROZEN;
        s->leader = leader;
        const AuditSubject subject = sandbox_subject(s, NULL);
        const char *note =
                        s->scope->misplaced
                                        ? "it stands outside the user's own slice, whose limits it does not "
                                          "have, and nothing new begins in its scope"
                                        : NULL;
        if (audit_adopt(m->audit, &subject, s->leader, note) < 0)
                log_error("Sandbox %s is adopted; no record of that can be made.", id);
        *ret = s;
        return 0;
}

/* What the last mxcd was in the middle of, now that its first process can be spoken to. */
static void go_on(Sandbox *s) {
        const Agent *who = registry_against(s->manager->registry, s->agent);
        if (s->reason != END_EXITED) {
                sandbox_stop(s, s->reason);
        } else if (who && who->state == AGENT_REVOKED) { /* the word was kept, and not yet done to all */
                const AuditSubject subject = sandbox_subject(s, NULL);
                if (audit_stop(s->manager->audit, &subject, end_reason_to_string(END_REVOKED)) < 0)
                        log_error("Sandbox %s is of a revoked agent; no record of its end can be made.",
                                        s->id);
                sandbox_ends_for(s, END_REVOKED);
                (void)sandbox_kill_all(s); /* logs itself */
        } else if (was_frozen(s) && s->state != SANDBOX_FROZEN && sandbox_freeze(s) < 0) {
                (void)sandbox_thaw(s); /* all of it or nothing */
        }
}

static void kill_leaf(Manager *m, const char *scope, const char *id) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s%s/%s/cgroup.kill", m->cgroup_path, scope, id) < 0)
                return;
        int r = fd_write_file_at(AT_FDCWD, path, "1");
        if (r < 0 && r != -ENOENT)
                log_error("Sandbox %s, of which there is no record, cannot be ended: %s", id, strerror(-r));
}

/* Killed and released; the launcher is asked for that once all of this is over. */
static void end(Manager *m, const char *scope, const char *id) {
        kill_leaf(m, scope, id);
        if (!release_knows(m, id, 0))
                release_begin(m, scope, id, 0, NULL);
}

static void lose(Manager *m, const char *id, const char *what) {
        const AuditSubject subject = { .sandbox = id, .on_behalf_uid = AUDIT_NO_UID };
        log_warning("Sandbox %s: %s", id, what);
        if (audit_lost(m->audit, &subject, what) < 0)
                log_error("No record can be made of sandbox %s.", id);
}

/* told: the launcher knows of it. One that has begun has a pidfd then; that another begins later is told to nobody. given_up: by this mxcd, which has told
 * who asked for it that it does not begin. */
static void adopt_command(Sandbox *s, uint32_t number, bool begun, bool told, bool given_up) {
        Command *c = command_find(s, number);
        if (c) {
                c->told = told;
                c->watch = sd_event_source_disable_unref(c->watch);
                return;
        }
        if (command_new(s, number, NULL, NULL, runtime_had(s, RUNTIME_TIED, number), &c) < 0) {
                log_error("A command of sandbox %s is forgotten: out of memory", s->id);
                return;
        }
        c->asked_to_end = runtime_had(s, RUNTIME_ASKED, number);
        c->told = told;
        c->start = begun ? COMMAND_BEGUN : COMMAND_FOUND;
        c->killed = given_up || runtime_had(s, RUNTIME_KILLED, number);
        if (c->killed)                         /* there may have been nothing to kill when that was said */
                (void)sandbox_kill_exec(s, c); /* logs itself */
}

void adopt_report(Manager *m, Found *f, const LaunchReport *report, int *fds, size_t n_fds) {
        Sandbox *s = sandbox_find(m, report->id);
        if (!s && report->exec > 0)
                return; /* its sandbox's own report came before, and was of none that is kept */
        if (!s && adopt(m, f, report->id, report->path, report->pid, &s) < 0) {
                if (!release_knows(m, report->id, 0)) /* otherwise its end is on record */
                        lose(m, report->id, "it runs without a record and is ended");
                end(m, report->path, report->id);
                return;
        }
        if (report->exec > 0) {
                if (!release_knows(m, report->id, report->exec)) /* otherwise its end is on record */
                        adopt_command(s, report->exec, n_fds > 0, true, !f);
                return;
        }
        bool known = s->pidfd >= 0;
        if (!known && n_fds >= 2) {
                s->leader = report->pid;
                s->pidfd = TAKE_FD(fds[0]);
                s->page = TAKE_FD(fds[1]);
                if (n_fds >= 3 && relay_new(s, TAKE_FD(fds[2]), &s->relay) < 0)
                        log_error("Sandbox %s has no network any more: out of memory", s->id);
                else if (s->relay)
                        relay_listen(s->relay, false); /* on_launcher_up() */
        }
        sandbox_watch_end(s,
                        true); /* it may not have come to its command yet, and then only this tells its end */
        if (s->adopted && !known)
                go_on(s);
}

/* ---- what is left ---- */

static bool is_scope(const char *name) {
        size_t n = strlen(name), suffix = strlen(SCOPE_SUFFIX);
        return n > suffix && strncmp(name, SCOPE_PREFIX, strlen(SCOPE_PREFIX)) == 0 &&
               streq(name + n - suffix, SCOPE_SUFFIX);
}

static bool is_id(const char *name) {
        return strlen(name) == 32 && name[strspn(name, "0123456789abcdef")] == 0;
}

/* Calls each for the directories in a cgroup. */
static void for_each_child(Manager *m, Found *f, const char *cgroup,
                void (*each)(Manager *m, Found *f, const char *cgroup, const char *name)) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s%s", m->cgroup_path, cgroup) < 0)
                return;
        _cleanup_(closedirp) DIR *dir = opendir(path);
        struct dirent *entry;
        while (dir && (entry = readdir(dir)))
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                        each(m, f, cgroup, entry->d_name);
}

/* Its launcher is gone, and nobody tells of its further commands any more: those that are tied are known by their groups, so that they end with who waits
 * for them, and their end is seen. What one left that has ended by itself cannot be told from it, and is waited for and ends so, too. */
static void find_tied_commands(Sandbox *s) {
        const json_t *ties = s->of_commands[RUNTIME_TIED];
        for (size_t i = 0; i < json_array_size(ties); i++) {
                const uint32_t number = (uint32_t)json_integer_value(json_array_get(ties, i));
                if (number > 0 && sandbox_exec_is_in_its_group(s, number))
                        adopt_command(s, number, true, false, false);
        }
}

static void look_at_leaf(Manager *m, Found *f, const char *scope, const char *id) {
        Sandbox *s;
        if (!is_id(id) || sandbox_find(m, id) || release_knows(m, id, 0))
                return;
        _cleanup_free_ char *leaf = NULL;
        if (asprintf(&leaf, "%s/%s", scope, id) < 0)
                return;
        pid_t leader;
        _cleanup_close_ int pidfd = cgroup_find_leader(m->cgroup_path, leaf, &leader);
        if (pidfd >= 0 && adopt(m, f, id, scope, leader, &s) == 0) {
                s->pidfd = TAKE_FD(pidfd);
                find_tied_commands(s);
                sandbox_watch_end(s, true);
                go_on(s);
                return;
        }
        if (pidfd >= 0 && !(f && json_object_get(f->records, id)))
                lose(m, id, "a leaf without a record; what lives there is ended");
        end(m, scope, id);
}

static void look_at(Manager *m, Found *f, const char *cgroup, const char *name) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s", cgroup, name) < 0)
                return;
        if (!is_scope(name)) { /* a slice */
                for_each_child(m, f, path, look_at);
                return;
        }
        for_each_child(m, f, path, look_at_leaf);
        Scope *s;
        LIST_FOREACH(s, &m->scopes, entries)
                if (streq(s->path, path))
                        return;
        LaunchRequest q = { .verb = LAUNCH_DROP };
        (void)snprintf(q.path, sizeof(q.path), "%s", path);
        (void)launch_channel_call(
                        m->launch, &q, NULL, 0, NULL, NULL); /* busy: then something still ends in there */
}

void adopt_reconcile(Manager *m, Found *f) {
        for_each_child(m, f, "/" MXC_SLICE, look_at);
        const char *id;
        json_t *record;
        if (!f)
                return;
        json_object_foreach(f->records, id, record) {
                const char *scope = json_string_value(json_object_get(record, "scope"));
                lose(m, id, "there is a record of it, and nothing else");
                if (scope && !release_knows(m, id, 0))
                        release_begin(m, scope, id, 0, NULL);
                runtime_remove(id);
        }
}
