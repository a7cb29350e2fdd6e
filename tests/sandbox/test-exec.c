/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A further command, and what it makes of itself: all of it is in a control group of its own. test-exec LAUNCHER MUTANT. TAP. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "loose.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

/* A sandbox without a command of its own, and where what is told to those in it is written. */
typedef struct Stage {
        Rig rig;
        LaunchPlan *plan;
        RigBox box;
        char *leaf, *word;
} Stage;

static void stage_begin(Stage *s, const char *launcher, const char *without) {
        static RigResult result;
        rig_start(&s->rig, launcher, without);
        s->plan = rig_plan(&s->rig);
        need(rig_spawn(&s->rig, s->plan, &s->box, &result), "a sandbox without a command");
        need(asprintf(&s->leaf, "%s/%s", s->rig.scope_dir, s->box.id) > 0 &&
                                        asprintf(&s->word, "%s/word", s->rig.workspace) > 0,
                        "memory");
}

static void stage_end(Stage *s) {
        static RigResult result;
        need(pidfd_send_signal(s->box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(&s->rig, &s->box, 0, &result);
        rig_release(&s->rig, s->box.id, 0);
        tell(access(s->leaf, F_OK) < 0 && errno == ENOENT, "the end of the sandbox",
                        "leaves no group behind");
        free(s->leaf);
        free(s->word);
        launch_plan_free(s->plan);
        rig_stop(&s->rig);
}

static bool begin(Stage *s, uint32_t number, const char *script, RigBox *ret, RigResult *result) {
        char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
        const ExecPlan e = { .id = s->box.id,
                .argv = argv,
                .n_argv = 3,
                .env = s->plan->env,
                .n_env = s->plan->n_env,
                .cwd = s->plan->cwd };
        return rig_exec(&s->rig, &e, number, ret, result);
}

static void end(Stage *s, uint32_t number, RigBox *box, RigResult *result) {
        rig_wait(&s->rig, box, number, result);
        rig_release(&s->rig, s->box.id, number);
}

static void run(Stage *s, uint32_t number, const char *script, RigResult *result) {
        RigBox box;
        *result = (RigResult){ .started = false };
        need(begin(s, number, script, &box, result), script);
        end(s, number, &box, result);
}

/* 0: the leaf itself. */
static char *file_of(const Stage *s, uint32_t number, const char *file) {
        char *path;
        need((number > 0 ? asprintf(&path, "%s/" LAUNCH_EXEC_GROUP "%u/%s", s->leaf, number, file)
                         : asprintf(&path, "%s/%s", s->leaf, file)) > 0,
                        "memory");
        return path;
}

static bool has(const Stage *s, uint32_t number, const char *file, const char *word) {
        _cleanup_free_ char *path = file_of(s, number, file), *text = NULL;
        return fd_read_file_at(AT_FDCWD, path, 65536, &text, NULL) == 0 && strstr(text, word);
}

/* For as long as it takes: the test as a whole has its time. */
static void wait_for(const Stage *s, uint32_t number, const char *file, const char *word) {
        while (!has(s, number, file, word))
                (void)usleep(1000);
}

static void write_to(const Stage *s, uint32_t number, const char *file, const char *word) {
        _cleanup_free_ char *path = file_of(s, number, file);
        need(fd_write_file_at(AT_FDCWD, path, word) == 0, file);
}

static bool is_there(const Stage *s, uint32_t number) {
        _cleanup_free_ char *path = file_of(s, number, ".");
        return access(path, F_OK) == 0;
}

static void say_to_all(const Stage *s, const char *word) {
        int fd = open(s->word, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        need(fd >= 0 && fd_write_all(fd, word, strlen(word)) == 0, "a word");
        (void)close(fd);
}

/* Whether it comes out before the end of the output. */
static bool hear(const RigBox *box, const char *word) {
        char text[4096];
        size_t n = 0, keep = strlen(word) - 1;
        for (;;) {
                ssize_t got = read(box->output, text + n, sizeof(text) - 1 - n);
                if (got <= 0)
                        return false;
                n += (size_t)got;
                text[n] = 0;
                if (strstr(text, word))
                        return true;
                size_t drop = n > keep ? n - keep : 0;
                memmove(text, text + drop, n - drop);
                n -= drop;
        }
}

/* Out of its session and its process group, a child of nobody but pid 1, deaf to what can be ignored; it repeats what it is told. */
#define FLEE                                                                                                \
        "(setsid sh -c 'trap \"\" HUP INT QUIT TERM USR1; (setsid sh -c \"while cat word; do sleep 0.02; "  \
        "done\" &) &' &) & "

static void what_fled_is_killed(const char *launcher, const char *without) {
        static RigResult result;
        Stage s;
        RigBox fled;
        stage_begin(&s, launcher, without);
        say_to_all(&s, "before\n");
        need(begin(&s, 1, FLEE "exec sleep 600", &fled, &result), "a command");
        need(hear(&fled, "before"), "the one that fled");
        write_to(&s, 1, "cgroup.kill", "1");
        if (without) {
                say_to_all(&s, "after\n");
                tell(hear(&fled, "after"), "without the wall",
                                "what fled from its command outlives the kill");
                need(pidfd_send_signal(fled.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
                say_to_all(&s, "");
                need(unlink(s.word) == 0, "the word");
        } else {
                wait_for(&s, 1, "cgroup.events", "populated 0");
                say_to_all(&s, "after\n");
                tell(!hear(&fled, "after"), "a kill of a command", "reaches what fled from it");
        }
        end(&s, 1, &fled, &result);
        tell(result.signal == SIGKILL, "a kill of a command", "is told as one");
        run(&s, 2, "echo on", &result);
        tell(result.code == 0 && strstr(result.output, "on\n"), "a kill of a command",
                        "is none of the sandbox");
        stage_end(&s);
}

static void what_is_left_goes_on(Stage *s) {
        static RigResult result;
        RigBox box;
        say_to_all(s, "before\n");
        need(begin(s, 1, "(while cat word; do sleep 0.02; done) & sleep 0.1; exit 3", &box, &result),
                        "a command");
        LaunchReport report;
        do
                report = rig_next(&s->rig, NULL, NULL);
        while (report.event != LAUNCH_EVENT_EXITED || report.exec != 1);
        rig_release(&s->rig, s->box.id, 1);
        say_to_all(s, "after\n");
        tell(report.code == 3 && hear(&box, "after"), "what a command leaves", "goes on");
        tell(is_there(s, 1), "what a command leaves", "has its group still");
        tell(!begin(s, 1, "true", &box, &result) && result.error == EEXIST, "the number of such a group",
                        "is not given again");
        need(unlink(s->word) == 0, "the word");
        wait_for(s, 1, "cgroup.events", "populated 0");
        run(s, 2, "true", &result);
        tell(!is_there(s, 1) && !is_there(s, 2), "an empty group", "goes with the next command, or its own");
        (void)close(box.output);
}

static void nothing_of_it_is_seen(Stage *s) {
        static RigResult result;
        run(s, 3,
                        "cat /proc/self/cgroup; ls /sys/fs/cgroup; grep cgroup2 /proc/mounts; "
                        "for i in 3 4 5 6 7 8 9 10 11 12 13 14 15; do test -e /proc/self/fd/$i && echo "
                        "held; done; echo looked",
                        &result);
        tell(strstr(result.output, "0::/" LAUNCH_EXEC_GROUP "3\n") && !strstr(result.output, s->box.id),
                        "inside", "a command sees no more than its own group in the sandbox's");
        tell(strstr(result.output, "looked\n") && !strstr(result.output, "held") &&
                                        !strstr(result.output, "cgroup.procs") &&
                                        !strstr(result.output, "cgroup2"),
                        "inside", "no descriptor of it is there, and no file");
        _cleanup_free_ char *path = file_of(s, 0, "cgroup.subtree_control"), *text = NULL;
        need(fd_read_file_at(AT_FDCWD, path, 4096, &text, NULL) == 0, path);
        tell(text[strspn(text, "\n")] == 0, "controllers", "are the sandbox's alone");
}

static void what_is_done_to_the_sandbox_is_done_to_them(Stage *s) {
        static RigResult result;
        RigBox box;
        say_to_all(s, "before\n");
        need(begin(s, 4, FLEE "exec sleep 600", &box, &result) && hear(&box, "before"), "a command");
        write_to(s, 0, "cgroup.freeze", "1");
        wait_for(s, 0, "cgroup.events", "frozen 1");
        /* a signal that was on its way lets one breathe once more: both are waited for */
        wait_for(s, 4, "cgroup.events", "frozen 1");
        tell(true, "freezing a sandbox", "freezes what further commands began");
        write_to(s, 0, "cgroup.freeze", "0");
        say_to_all(s, "after\n");
        tell(hear(&box, "after"), "thawing it", "lets them go on");
        write_to(s, 4, "cgroup.kill", "1");
        end(s, 4, &box, &result);
}

static void groups_are_bounded(Stage *s) {
        static RigResult result;
        uint32_t n = 0;
        bool more = true;
        while (more && n < LIMIT_EXEC_GROUPS) {
                RigBox box;
                more = begin(s, 100 + n, "sleep 600 >/dev/null 2>&1 &", &box, &result);
                if (more)
                        end(s, 100 + n++, &box, &result);
        }
        tell(n == LIMIT_EXEC_GROUPS, "groups that something is left in", "as many as the limit");
        RigBox box;
        more = begin(s, 100 + n, "true", &box, &result);
        tell(!more && result.error == EMFILE && result.step == LAUNCH_STEP_CGROUP,
                        "groups that something is left in", "not one more");
        write_to(s, 100, "cgroup.kill", "1");
        wait_for(s, 100, "cgroup.events", "populated 0");
        more = begin(s, 100 + n, "true", &box, &result);
        if (more)
                end(s, 100 + n, &box, &result);
        tell(more, "groups that something is left in", "one in the place of one that is gone");
}

/* What a launcher that crashed has left is found by its path alone. */
static void after_a_crash(const char *launcher) {
        static RigResult result;
        Stage s;
        RigBox box;
        stage_begin(&s, launcher, NULL);
        say_to_all(&s, "before\n");
        need(begin(&s, 1, FLEE "exec sleep 600", &box, &result) && hear(&box, "before"), "a command");
        rig_crash(&s.rig, launcher);
        LaunchRequest q = { .verb = LAUNCH_RELEASE };
        (void)snprintf(q.id, sizeof(q.id), "%s", s.box.id);
        (void)snprintf(q.path, sizeof(q.path), "%s", s.rig.scope);
        LaunchReport report;
        do /* what is killed takes its time to die */
                report = rig_request(&s.rig, q, NULL, 0, NULL, NULL);
        while (report.event == LAUNCH_EVENT_FAILED && report.error == EBUSY);
        tell(report.event == LAUNCH_EVENT_OK && access(s.leaf, F_OK) < 0, "after a crash of the launcher",
                        "the groups of a sandbox go with its leaf");
        say_to_all(&s, "after\n");
        tell(!hear(&box, "after"), "after a crash of the launcher", "nothing of them lives on");
        const int fds[] = { box.pidfd, box.output, s.box.pidfd, s.box.page, s.box.output };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        (void)close(fds[i]);
        free(s.leaf);
        free(s.word);
        launch_plan_free(s.plan);
        rig_stop(&s.rig);
}

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        Stage s;
        what_fled_is_killed(argv[1], NULL);
        what_fled_is_killed(argv[2], "exec-group");
        stage_begin(&s, argv[1], NULL);
        what_is_left_goes_on(&s);
        nothing_of_it_is_seen(&s);
        what_is_done_to_the_sandbox_is_done_to_them(&s);
        groups_are_bounded(&s);
        stage_end(&s);
        after_a_crash(argv[1]);
        return tell_end();
}
