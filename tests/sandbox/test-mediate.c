/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names kept by mediation, attacked by a program that knows more ways than a shell: test-mediate LAUNCHER MUTANT ATTACKER. Where the
 * guard keeps them instead the same must hold. Every attack is also made without the walls, where it must do its harm, but
 * for those that lead through what only the walls have. TAP. */

#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "loose.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

#define MADE "test -e .envrc || test -L .envrc"

/* A launcher, and the program beside the workspace, where the owner can read it. */
static void begin(Rig *r, const char *launcher, const char *without, const char *attacker) {
        rig_start(r, launcher, without);
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/attacker", r->dir) < 0)
                rig_die("memory", ENOMEM);
        _cleanup_close_ int from = open(attacker, O_RDONLY | O_CLOEXEC),
                            to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        if (from < 0 || to < 0)
                rig_die(from < 0 ? attacker : path, errno);
        ssize_t n;
        while ((n = sendfile(to, from, NULL, 1U << 20)) > 0)
                ;
        if (n < 0 || fchmod(to, 0755) < 0)
                rig_die(path, errno);
}

/* What the owner has before the agent comes, beside that program. */
static void prepare_with(const Rig *r, const char *script) {
        _cleanup_free_ char *whole = NULL;
        if (asprintf(&whole, "cp ../attacker a; %s", script ? script : "true") < 0)
                rig_die("memory", ENOMEM);
        prepare(r, whole);
}

static LaunchPlan *attacker_plan(const Rig *r, const char *script) {
        static const char *const calls[] = { "fgetxattr", "fsetxattr", "removexattr", "listxattr" };
        LaunchPlan *p = agent(r, script);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                plan_add_syscall(p, calls[i]);
        return p;
}

static void deny(const Rig *r, LaunchPlan *p, const char *name) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s", r->workspace, name) < 0)
                rig_die("memory", ENOMEM);
        plan_add_mount(p, path, PLAN_DENIED)->required = false;
}

/* ---- names ---- */

static const struct {
        const char *attack, *prepare, *harm;
        bool only_with_walls; /* what it leads through is not there without them */
} attacks[] = {
        { "openat2", NULL, MADE, false },
        { "creat", NULL, MADE, false },
        { "proc-cwd", NULL, MADE, false },
        { "proc-descriptor", NULL, MADE, false },
        { "proc-root", NULL, MADE, false },
        { "path-descriptor", NULL, MADE, false },
        { "dots", NULL, MADE, false },
        { "symlink-last", NULL, MADE, false },
        { "symlink-chain", NULL, MADE, false },
        { "symlink-parent", NULL, MADE, false },
        { "symlink-to-proc", NULL, MADE, false },
        { "temporary", NULL, MADE, false },
        { "exchange", "echo ok >.envrc", "grep -q x .envrc", false },
        { "exchange-back", "echo ok >.envrc", "grep -q x .envrc", false },
        { "exchange-directories", "mkdir .claude; echo ok >.claude/settings.json",
                        "grep -q x .claude/settings.json", false },
        { "noreplace", NULL, MADE, false },
        { "directory-descriptors", NULL, MADE, false },
        { "node", NULL, MADE, false },
        { "fifo", NULL, MADE, false },
        { "socket", NULL, MADE, false },
        { "directory", NULL, MADE, false },
        { "descriptor-mode", "echo ok >.envrc", "test -x .envrc", false },
        { "descriptor-times", "echo ok >.envrc", "test $(stat -c %Y .envrc) -eq 1", false },
        { "attribute", "echo ok >.envrc", "./a has-attribute", false },
        { "truncation", "echo ok >.envrc", "! grep -q ok .envrc", false },
        { "reopening", "echo ok >.envrc", "grep -q x .envrc", false },
        { "alias", "echo ok >.envrc; ln .envrc l", "grep -q x .envrc", false },
        { "hidden", NULL, MADE, false },
        { "child", NULL, MADE, false },
        { "own-filter", NULL, MADE, false },
        { "helpers", NULL, MADE, false },
        { "pid-1", NULL, MADE, true },
        { "injected", NULL, MADE, true },
        { "race-text", NULL, MADE, false },
        { "race-text-mkdir", NULL, MADE, false },
        { "race-text-rename", NULL, MADE, false },
        { "race-symlink", NULL, MADE, false },
        { "race-directory", NULL, MADE, false },
        { "race-descriptor", NULL, MADE, false },
};

static void attack_all(Rig *r, bool walls, bool denied) {
        for (size_t i = 0; i < ELEMENTSOF(attacks); i++) {
                static RigResult result;
                _cleanup_free_ char *script = NULL;
                if (!walls && attacks[i].only_with_walls)
                        continue;
                if (asprintf(&script, "./a %s", attacks[i].attack) < 0)
                        rig_die("memory", ENOMEM);
                _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(r, script);
                if (denied)
                        deny(r, p, "elsewhere");
                prepare_with(r, attacks[i].prepare);
                rig_run(r, p, &result);
                bool harmed = host(r, attacks[i].harm) == 0;
                bool ok = result.started && result.code == 0 && harmed == !walls;
                if (!ok)
                        print_output(&result);
                tell(ok,
                                !walls   ? "done without the walls"
                                : denied ? "refused where reading is mediated too"
                                         : "refused",
                                attacks[i].attack);
        }
}

/* A plan may list fewer calls than it takes to get there: it begins all the same, and has no more than it lists. */
static void attack_narrow(Rig *r, bool walls, bool denied) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p =
                        attacker_plan(r, "./a message && echo x >f && ! echo x 2>/dev/null >.envrc");
        plan_remove_syscall(p, "sendmsg");
        plan_remove_syscall(p, "seccomp");
        if (denied)
                deny(r, p, "elsewhere");
        prepare_with(r, NULL);
        rig_run(r, p, &result);
        bool ok = result.started && result.code == 0 && host(r, "test -s f") == 0 && host(r, MADE) != 0 &&
                  (host(r, "test -e sent") == 0) == !walls;
        if (!ok)
                print_output(&result);
        tell(ok,
                        !walls   ? "done without the walls"
                        : denied ? "refused where reading is mediated too"
                                 : "refused",
                        "a message where the plan lists none");
}

/* ---- what is denied, and is there only since the agent runs ---- */

static const char *const denials[] = { "denied-paths", "denied-reopened", "denied-moved", "denied-metadata",
        "denied-executed", "denied-race" };

static void deny_all(Rig *r, bool walls) {
        for (size_t i = 0; i < ELEMENTSOF(denials); i++) {
                static RigResult result;
                RigBox box;
                _cleanup_free_ char *script = NULL;
                if (asprintf(&script, "./a %s", denials[i]) < 0)
                        rig_die("memory", ENOMEM);
                _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(r, script);
                deny(r, p, ".env");
                prepare_with(r, "echo nothing >open");
                bool ok = rig_spawn(r, p, &box, &result), had = false;
                if (ok) {
                        char line[6];
                        ok = read(box.output, line, sizeof(line)) == sizeof(line) &&
                             host(r, "printf '#!/bin/cat\\nWORD\\n' >.new; chmod 755 .new; mv .new .env; "
                                     "touch go") == 0;
                        rig_wait(r, &box, 0, &result);
                        rig_release(r, box.id, 0);
                        had = strstr(result.output, "WORD") != NULL;
                }
                ok = ok && result.code == 0 && had == !walls;
                if (!ok)
                        print_output(&result);
                tell(ok, walls ? "denied" : "had without the walls", denials[i]);
        }
}

/* ---- work ---- */

static const struct {
        const char *name, *act;
} works[] = {
        { "modes and masks", "umask 027; mkdir d; echo x >d/f; test $(stat -c %a d) = 750; test $(stat -c "
                             "%a d/f) = 640; "
                             "chmod 600 d/f; test $(stat -c %a d/f) = 600; umask 0; echo x >d/g; "
                             "test $(stat -c %a d/g) = 666" },
        { "redirections", "sh -c 'echo 1 >/dev/stdout; echo 2 >>/dev/fd/1' >o; test $(wc -l <o) = 2; "
                          "echo x 2>/dev/null | tee p >/dev/null; test -s p" },
        { "archives", "mkdir -p d/e; echo 1 >d/e/f; ln -s e d/l; chmod 555 d/e/f; tar cf t d; mkdir x; "
                      "tar xpf t -C x; diff -r d x/d; test $(stat -c %Y d/e/f) = $(stat -c %Y x/d/e/f)" },
        { "times", "touch -d 2001-01-01 f; test $(stat -c %Y f) -lt 1000000000; touch f; mkdir d; touch -r "
                   "d f" },
        { "editing in place", "echo a >f; sed -i s/a/b/ f; grep -q b f; cp f g; mv g f; test -w f; rm f" },
        { "links", "echo 1 >f; ln f g; ln -s g h; test $(stat -c %h f) = 2; echo 2 >h; grep -q 2 f; rm g; "
                   "test -L h" },
        { "a tree", "for i in 1 2 3; do mkdir -p n/$i/m; for k in a b c; do echo $k >n/$i/m/$k; done; done; "
                    "cp -a n o; mv o p; rm -r n; test $(find p -type f | wc -l) = 9; rm -rf p" },
        { "a build", "printf 'all: p\\np: a.o b.o\\n\\tgcc -o p a.o b.o\\n%%.o: %%.c\\n\\tgcc -c -o $@ "
                     "$<\\n' >Makefile; "
                     "echo 'int f(void); int main(void) { return f(); }' >a.c; echo 'int f(void) { return "
                     "0; }' >b.c; "
                     "make -s -j2; ./p; touch a.c; make -s; ./p" },
        { "a repository", "git init -q r; cd r; echo 1 >f; git add f; git commit -qm 1; git switch -qc x; "
                          "echo 2 >f; "
                          "git commit -qam 2; git switch -q -; git merge -q x; git gc -q; git clone -q . "
                          "../c; "
                          "grep -q 2 ../c/f" },
        { "a pipe with a name", "mkfifo p; (echo through >p) & grep -q through <p; rm p" },
        { "many pipes with names", "for i in 1 2 3 4 5 6 7 8; do mkfifo p$i; cat p$i >o$i & done; "
                                   "for i in 8 7 6 5 4 3 2 1; do echo $i >p$i; done; wait; test $(cat o? | "
                                   "wc -l) = 8" },
        { "what is below /proc/self",
                        "test \"$(readlink /proc/self/exe)\" = /usr/bin/readlink; "
                        "test $(sh -c 'echo $$') -gt 2; read name rest </proc/self/stat; test $name = $$; "
                        "test $(cut -d' ' -f1 /proc/1/stat) = 1" },
        { "signals while it works", "./a signals" },
        { "sockets", "./a sockets" },
        { "temporary files", "./a temporary-files" },
        { "who cannot be looked into", "./a hidden-work" },
};

static void work_all(Rig *r, bool denied) {
        for (size_t i = 0; i < ELEMENTSOF(works); i++) {
                static RigResult result;
                _cleanup_free_ char *script = NULL;
                if (asprintf(&script, "set -e; %s", works[i].act) < 0)
                        rig_die("memory", ENOMEM);
                _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(r, script);
                if (denied)
                        deny(r, p, ".env");
                prepare_with(r, NULL);
                rig_run(r, p, &result);
                bool ok = result.started && result.code == 0;
                if (!ok)
                        print_output(&result);
                tell(ok, denied ? "goes on where something is denied" : "goes on", works[i].name);
        }
}

/* A terminal is whose session it is of, whoever opens it. */
static void work_at_terminal(Rig *r, bool denied) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(
                        r, "test \"$(tty)\" = /dev/pts/0 && echo through >/dev/tty && echo x >f");
        p->pty = true;
        if (denied)
                deny(r, p, ".env");
        prepare(r, NULL);
        rig_run(r, p, &result);
        bool ok = result.started && result.code == 0 && strstr(result.output, "through");
        if (!ok)
                print_output(&result);
        tell(ok, denied ? "goes on where something is denied" : "goes on", "at a terminal");
}

/* ---- other commands, and the end ---- */

static void attack_by_exec(Rig *r, bool walls) {
        static RigResult result, exec_result;
        RigBox box, exec_box;
        static char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"echo x >f; echo x >.envrc" };
        static char *const env[] = { (char *)"PATH=/usr/bin:/bin" };
        _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(r, "sleep 30");
        prepare(r, NULL);
        bool ok = rig_spawn(r, p, &box, &result);
        if (ok) {
                const ExecPlan exec = { .id = box.id,
                        .argv = (char **)argv,
                        .n_argv = ELEMENTSOF(argv),
                        .env = (char **)env,
                        .n_env = 1,
                        .cwd = r->workspace };
                ok = rig_exec(r, &exec, 1, &exec_box, &exec_result);
                if (ok) {
                        rig_wait(r, &exec_box, 1, &exec_result);
                        rig_release(r, exec_box.id, 1);
                }
                (void)kill(box.pid, SIGKILL);
                rig_wait(r, &box, 0, &result);
                rig_release(r, box.id, 0);
        }
        ok = ok && host(r, "test -s f") == 0 && (host(r, MADE) == 0) == !walls;
        tell(ok, walls ? "refused" : "done without the walls", "to another command");
}

/* Asked to end, it may still write down what it has. */
static void write_at_the_end(Rig *r) {
        static RigResult result;
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(
                        r, "trap 'echo x >saved; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
        prepare(r, NULL);
        bool ok = rig_spawn(r, p, &box, &result);
        if (ok) {
                char line[6];
                ok = read(box.output, line, sizeof(line)) == sizeof(line) && kill(box.pid, SIGTERM) == 0;
                rig_wait(r, &box, 0, &result);
                rig_release(r, box.id, 0);
        }
        tell(ok && result.code == 3 && host(r, "test -s saved") == 0, "goes on", "until the end");
}

/* Whoever mediates is killed in the midst of it: then there is nobody who could go on. */
static void die(Rig *r, bool walls) {
        static RigResult result;
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(
                        r, "echo ready; while :; do (echo x >.envrc) 2>/dev/null; echo y >f; done");
        prepare(r, NULL);
        bool ok = rig_spawn(r, p, &box, &result);
        if (ok) {
                char line[6];
                ok = read(box.output, line, sizeof(line)) == sizeof(line) &&
                     host(r, "until test -s f; do sleep 0.05; done") == 0 && kill(box.pid, SIGKILL) == 0;
                rig_wait(r, &box, 0, &result); /* the output ends with the last that has it */
                ok = ok && result.signal == SIGKILL && host(r, "rm f") == 0 &&
                     host(r, "sleep 0.2; test -e f") != 0;
                rig_release(r, box.id, 0);
        }
        tell(ok && (host(r, MADE) == 0) == !walls, walls ? "refused" : "done without the walls",
                        "when pid 1 is killed");
}

static void refuse(Rig *r) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p = attacker_plan(r, "true");
        prepare(r, NULL);
        rig_run(r, p, &result);
        bool refused = !result.started && result.step == LAUNCH_STEP_HANDOFF && result.error == EOPNOTSUPP;
        tell(r->features.guard || refused, "refused", "to begin where nobody keeps the names");
}

int main(int argc, char **argv) {
        if (argc != 4) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT ATTACKER\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        begin(&r, argv[1], NULL, argv[3]);
        bool guard = r.features.guard;
        tell(guard || r.features.mediate, "kept", "names, on this kernel");
        attack_all(&r, true, false);
        attack_all(&r, true, true);
        attack_narrow(&r, true, false);
        attack_narrow(&r, true, true);
        deny_all(&r, true);
        for (int denied = 0; denied < 2; denied++) {
                work_all(&r, denied);
                work_at_terminal(&r, denied);
        }
        attack_by_exec(&r, true);
        write_at_the_end(&r);
        die(&r, true);
        rig_stop(&r);

        begin(&r, argv[2], guard ? "handoff" : "mediate", argv[3]);
        attack_all(&r, false, false);
        deny_all(&r, false);
        attack_by_exec(&r, false);
        die(&r, false);
        rig_stop(&r);

        begin(&r, argv[2], "seccomp-command", argv[3]);
        attack_narrow(&r, false, false);
        attack_narrow(&r, false, true);
        rig_stop(&r);

        begin(&r, argv[2], "mediation", argv[3]);
        refuse(&r);
        rig_stop(&r);
        return tell_end();
}
