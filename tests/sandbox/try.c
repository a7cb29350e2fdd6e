/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One command in the tests' cage, by hand: try LAUNCHER COMMAND…
 * Environment: WITHOUT=wall of a mutating launcher, WITH_PTY, PROFILE=agent system calls, PROTECTED=a:b/c
 * names at the root of the workspace, DENIED=a:b likewise, BRING=a file or directory to be copied into it. */
#include <sys/wait.h>

#include "cleanup.h"
#include "rig.h"
#include "syscall-profile.h"

static void set_profile(LaunchPlan *p, const char *name) {
        SyscallSet set;
        if (!syscall_profile(name, &set))
                rig_die(name, ENOENT);
        while (p->template.n_syscalls > 0)
                plan_remove_syscall(p, p->template.syscalls[0]);
        for (size_t i = 0; i < n_syscall_table; i++)
                if (syscall_set_has(&set, (int)i))
                        plan_add_syscall(p, syscall_table[i]);
}

static void bring(const Rig *r, const char *path) {
        pid_t pid = fork();
        if (pid == 0) {
                (void)execlp("cp", "cp", "-r", "--no-preserve=ownership", path, r->workspace, NULL);
                _exit(127);
        }
        int status;
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                rig_die(path, EIO);
        _cleanup_free_ char *command = NULL;
        if (asprintf(&command, "chown -R %u:%u %s", RIG_UID, RIG_GID, r->workspace) < 0 ||
                        system(command) != 0)
                rig_die("chown", EIO);
}

static void add_protected(LaunchPlan *p, const char *name) {
        plan_add_handoff(p, PLAN_HANDOFF_ROOT, name);
}

static void add_denied(LaunchPlan *p, const char *name) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s", p->cwd, name) >= 0)
                plan_add_mount(p, path, PLAN_DENIED)->required = false;
}

static void for_each(const char *list, LaunchPlan *p, void (*add)(LaunchPlan *p, const char *name)) {
        while (list && *list) {
                size_t n = strcspn(list, ":");
                _cleanup_free_ char *name = strndup(list, n);
                if (name)
                        add(p, name);
                list += n + (list[n] == ':');
        }
}

int main(int argc, char **argv) {
        if (argc < 3) {
                fprintf(stderr, "Usage: %s LAUNCHER COMMAND…\n", argv[0]);
                return 1;
        }
        Rig r;
        rig_start(&r, argv[1], getenv("WITHOUT"));
        LaunchPlan *p = rig_plan(&r);
        plan_set_argv(p, (const char *const *)argv + 2);
        if (getenv("WITH_PTY"))
                p->pty = true;
        if (getenv("BRING"))
                bring(&r, getenv("BRING"));
        if (getenv("PROFILE"))
                set_profile(p, getenv("PROFILE"));
        for_each(getenv("PROTECTED"), p, add_protected);
        for_each(getenv("DENIED"), p, add_denied);
        static RigResult result;
        rig_run(&r, p, &result);
        if (result.started)
                printf("%s\n-- code %d signal %d, %lu us\n", result.output, result.code, result.signal,
                                result.usec);
        else
                printf("-- failed: %s: %s (%s)\n", launch_step_to_string(result.step),
                                strerror(result.error), result.detail);
        launch_plan_free(p);
        rig_stop(&r);
        return result.code;
}
