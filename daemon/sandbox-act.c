/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done to a sandbox: through its leaf, never through a list of pids kept somewhere. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "cleanup.h"
#include "fd.h"
#include "log.h"
#include "sandbox.h"

DEFINE_CLEANUP(DIR *, closedir);

#define PROCS_MAX                                                                                           \
        (16U * 1024 * 1024) /* cgroup.procs; pid_max of 4 million fits in three times that and is not met */

static char *leaf_path(const Sandbox *s, const char *file) {
        char *path;
        return asprintf(&path, "%s%s/%s", s->manager->cgroup_path, s->leaf, file) < 0 ? NULL : path;
}

int sandbox_write(const Sandbox *s, const char *file, const char *text) {
        _cleanup_free_ char *path = leaf_path(s, file);
        return path ? fd_write_file_at(AT_FDCWD, path, text) : -ENOMEM;
}

/* -ENOENT: there is none. */
static int kill_group(const Sandbox *s, const char *file) {
        int r = sandbox_write(s, file, "1");
        if (r < 0 && r != -ENOENT && r != -ENODEV)
                log_error("What is in %s of sandbox %s cannot be killed: %s", file, s->id, strerror(-r));
        return r == -ENODEV ? 0 : r; /* it goes just now */
}

int sandbox_kill_all(Sandbox *s) {
        int r = kill_group(s, "cgroup.kill");
        return r == -ENOENT ? 0 : r; /* it is gone already */
}

bool sandbox_exec_is_in_its_group(const Sandbox *s, uint32_t number) {
        char file[sizeof(LAUNCH_EXEC_GROUP "4294967295/cgroup.events")];
        (void)snprintf(file, sizeof(file), LAUNCH_EXEC_GROUP "%u/cgroup.events", number);
        _cleanup_free_ char *path = leaf_path(s, file), *text = NULL;
        return path && fd_read_file_at(AT_FDCWD, path, 4096, &text, NULL) >= 0 &&
               strstr(text, "populated 1\n");
}

/* Kills what is in the group, and takes the group away where nobody is: then nobody comes there any more either, and a command that does not is none
 * (daemon/launch/exec-group.h). One that came between the two keeps it from going, and is killed then. -ENOENT: there is no group. */
static int end_group(const Sandbox *s, uint32_t number) {
        char kill_file[sizeof(LAUNCH_EXEC_GROUP "4294967295/cgroup.kill")];
        char group[sizeof(LAUNCH_EXEC_GROUP "4294967295")];
        (void)snprintf(kill_file, sizeof(kill_file), LAUNCH_EXEC_GROUP "%u/cgroup.kill", number);
        (void)snprintf(group, sizeof(group), LAUNCH_EXEC_GROUP "%u", number);
        _cleanup_free_ char *path = leaf_path(s, group);
        if (!path)
                return -ENOMEM;
        int r = kill_group(s, kill_file);
        if (r < 0 || rmdir(path) == 0)
                return r;
        r = kill_group(s, kill_file);
        return r == -ENOENT ? 0 : r;
}

/* Not what it began: that is among all that the sandbox has. */
static void kill_alone(const Sandbox *s, const Command *c) {
        LaunchRequest q = { .verb = LAUNCH_SIGNAL, .exec = c->number, .number = SIGKILL };
        (void)snprintf(q.id, sizeof(q.id), "%s", s->id);
        log_warning("Command %u of sandbox %s has no control group: what it began may go on.", c->number,
                        s->id);
        (void)launch_channel_call(s->manager->launch, &q, NULL, 0, NULL, NULL); /* as long as it is there */
}

static void keep_killed(const Sandbox *s, const Command *c) {
        int r = s->effective ? runtime_save(s) : 0; /* as sandbox_ends_for() */
        if (r < 0)
                log_warning("That command %u of sandbox %s is to end is not kept: %s", c->number, s->id,
                                strerror(-r));
}

int sandbox_kill_exec(Sandbox *s, Command *c) {
        const bool again = c->killed;
        if (!c->ended) /* otherwise it is what it left that is killed */
                c->killed = true;
        int r = end_group(s, c->number);
        command_look_again(s, c);
        /* the launcher may have yet to make its group: again when it has begun, or by the next mxcd */
        if (c->start == COMMAND_AWAITED && !again)
                keep_killed(s, c);
        else if (r == -ENOENT && !again)
                kill_alone(s, c);
        return r == -ENOENT && (again || c->start == COMMAND_AWAITED) ? 0 : r;
}

/* ---- freeze and thaw ---- */

#define FREEZE_STEP_USEC (UINT64_C(2) * 1000)
#define QUIET_TRIES 500U   /* 1 s, well under the patience of a pid 1 */
#define FREEZE_TRIES 1500U /* 3 s; what sleeps in broken i/o does not freeze */

static void tell_leader(const Sandbox *s, int value) {
        siginfo_t info = { .si_signo = INIT_SIGNAL, .si_code = SI_QUEUE };
        info.si_value.sival_int = value;
        if (s->pidfd >= 0)
                (void)pidfd_send_signal(s->pidfd, INIT_SIGNAL, &info, 0); /* without it, it may not freeze */
}

static int read_quiet(const Sandbox *s, uint32_t *ret) {
        StatusPage page;
        int r = s->page < 0 ? -EBADF : fd_pread_all(s->page, &page, sizeof(page), 0);
        if (r == 0)
                *ret = page.quiet;
        return r;
}

/* One that left no page is not asked. */
static bool is_quiet(const Sandbox *s) {
        uint32_t number = 0;
        return read_quiet(s, &number) < 0 || number == s->quiet;
}

bool sandbox_stands_still(const Sandbox *s) {
        _cleanup_free_ char *path = leaf_path(s, "cgroup.events"), *text = NULL;
        return path && fd_read_file_at(AT_FDCWD, path, 4096, &text, NULL) >= 0 && strstr(text, "frozen 1\n");
}

int sandbox_thaw(Sandbox *s) {
        int r = sandbox_write(s, "cgroup.freeze", "0");
        tell_leader(s, INIT_VALUE_GO);
        return r;
}

/* Half of it stands still: it goes on, as a whole, and that is on record like any other thaw. */
static void give_up_freeze(Sandbox *s) {
        const AuditSubject subject = sandbox_subject(s, NULL);
        if (audit_freeze(s->manager->audit, &subject, false) < 0)
                log_error("Sandbox %s does not stand still and goes on; no record of that can be made.",
                                s->id);
        int r = sandbox_thaw(s);
        if (r < 0 && r != -ENOENT && r != -ENODEV)
                log_error("Sandbox %s is left half frozen: %s", s->id, strerror(-r));
        sandbox_answer_freeze(s, false);
}

static int on_freezing(sd_event_source *source, uint64_t usec, void *userdata) {
        Sandbox *s = userdata;
        s->freeze_tries++;
        if (!s->freeze_begun && (is_quiet(s) || s->freeze_tries > QUIET_TRIES)) {
                s->freeze_tries = 0;
                s->freeze_begun = sandbox_write(s, "cgroup.freeze", "1") >= 0;
                if (!s->freeze_begun) {
                        give_up_freeze(s);
                        return 0;
                }
        }
        if (s->freeze_begun && sandbox_stands_still(s)) {
                sandbox_answer_freeze(s, true);
                return 0;
        }
        if (s->freeze_begun && s->freeze_tries > FREEZE_TRIES) {
                give_up_freeze(s);
                return 0;
        }
        int r = sd_event_source_set_time_relative(source, FREEZE_STEP_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int sandbox_freeze(Sandbox *s) {
        s->freeze_tries = 0;
        s->freeze_begun = false;
        s->quiet = 0;
        (void)read_quiet(s, &s->quiet); /* then it is not asked */
        s->quiet = (s->quiet + 1) % INIT_QUIET_NUMBERS;
        tell_leader(s, (int)(INIT_VALUE_QUIET + s->quiet));
        return sd_event_add_time_relative(
                        s->manager->event, &s->freezing, CLOCK_MONOTONIC, 0, 1, on_freezing, s);
}

/* ---- the end ---- */

static int on_grace(sd_event_source *source, uint64_t usec, void *userdata) {
        (void)sandbox_kill_all(userdata); /* logs itself */
        return 0;
}

void sandbox_ends_for(Sandbox *s, EndReason reason) {
        if (s->reason != END_EXITED)
                return;
        s->reason = reason;
        /* an mxcd that comes meanwhile goes on with it; one that was never kept ends with this one's word */
        int r = s->effective ? runtime_save(s) : 0;
        if (r < 0)
                log_warning("That sandbox %s is ending is not kept: %s", s->id, strerror(-r));
}

void sandbox_stop(Sandbox *s, EndReason reason) {
        sandbox_ends_for(s, reason);
        (void)sandbox_thaw(s); /* what is frozen would not hear the signal */
        sandbox_set_state(s, SANDBOX_STOPPING);
        sandbox_answer_freeze(s, false);
        if (s->pidfd < 0 || pidfd_send_signal(s->pidfd, SIGTERM, NULL, 0) < 0) {
                (void)sandbox_kill_all(s); /* logs itself */
                return;
        }
        if (!s->grace && sd_event_add_time_relative(s->manager->event, &s->grace, CLOCK_MONOTONIC,
                                         SANDBOX_GRACE_USEC, 0, on_grace, s) < 0)
                (void)sandbox_kill_all(s); /* without a timer there is no grace */
}

/* The pid is pinned first and then looked for in the leaf once more: what is signalled lives there, or in the group of an Exec's. */
static void signal_one(const Sandbox *s, pid_t pid, int number) {
        _cleanup_close_ int pidfd = pidfd_open(pid, 0);
        _cleanup_free_ char *path = NULL, *text = NULL, *line = NULL;
        if (pidfd < 0 || asprintf(&path, "/proc/%d/cgroup", pid) < 0 ||
                        asprintf(&line, "0::%s", s->leaf) < 0)
                return;
        if (fd_read_file_at(AT_FDCWD, path, 65536, &text, NULL) < 0)
                return;
        const char *found = strstr(text, line);
        if (!found || !strchr("/\n", found[strlen(line)]))
                return;
        (void)pidfd_send_signal(pidfd, number, NULL, 0); /* it may have ended just now */
}

static int signal_group(const Sandbox *s, int dir, const char *file, int number) {
        _cleanup_free_ char *text = NULL;
        int r = fd_read_file_at(dir, file, PROCS_MAX, &text, NULL);
        if (r < 0)
                return r;
        for (char *p = text; *p;) {
                char *end;
                long pid = strtol(p, &end, 10); /* the kernel's own list */
                if (end == p)
                        break;
                if (pid > 0 && pid != s->leader) /* pid 1 takes signals for the command, not for itself */
                        signal_one(s, (pid_t)pid, number);
                p = *end == '\n' ? end + 1 : end;
        }
        return 0;
}

int sandbox_signal_all(Sandbox *s, int number) {
        _cleanup_free_ char *path = leaf_path(s, "");
        if (!path)
                return -ENOMEM;
        _cleanup_(closedirp) DIR *dir = opendir(path);
        int r = dir ? signal_group(s, dirfd(dir), "cgroup.procs", number) : -errno;
        for (const struct dirent *e; r == 0 && (e = readdir(dir));) {
                char file[sizeof(e->d_name) + sizeof("/cgroup.procs")];
                if (strncmp(e->d_name, LAUNCH_EXEC_GROUP, strlen(LAUNCH_EXEC_GROUP)) != 0)
                        continue;
                (void)snprintf(file, sizeof(file), "%s/cgroup.procs", e->d_name);
                r = signal_group(s, dirfd(dir), file, number);
                if (r == -ENOENT || r == -ENODEV) /* it is over */
                        r = 0;
        }
        return r;
}
