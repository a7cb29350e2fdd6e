/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LIMIT_HANDOFF_DIRS, LIMIT_HANDOFF_REPOSITORIES and GITCONFIG_MAX at n and n+1, and that more than LIMIT_NAME_RULES or LIMIT_GIT_FILES are
 * refused, too (n and n+1 of those: test-name-rules): test-handoff-limit LAUNCHER. A program of its own, since making so many directories takes the emulated
 * machine longer than all attacks together. TAP. */

#include <sched.h>
#include <sys/mount.h>

#include "cleanup.h"
#include "limits.h"
#include "loose.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

/* The workspace itself is counted too. */
static void start_in(Rig *r, RigResult *result) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, "true");
        rig_run(r, p, result);
}

/* The rig's place in memory, and for us alone: on a disk this takes minutes, and removing it again too. */
static void use_memory(void) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                        mount("tmpfs", "/srv", "tmpfs", MS_NOSUID | MS_NODEV,
                                        "nr_inodes=200k,size=512m,mode=1777") < 0)
                rig_die("a place in memory", errno);
}

static void begin(Rig *r, unsigned n, const char *suffix) {
        _cleanup_free_ char *script = NULL;
        if (asprintf(&script, "seq -f %%.0f%s %u | xargs mkdir -p", suffix, n) < 0)
                rig_die("memory", ENOMEM);
        prepare(r, script);
}

static void tell_as_many(Rig *r, const char *about) {
        static RigResult result;
        start_in(r, &result);
        if (!result.started)
                print_output(&result);
        tell(result.started && result.code == 0, about, "as many as are searched");
}

static void tell_refused(Rig *r, const char *about, const char *number, const char *name) {
        static RigResult result;
        start_in(r, &result);
        bool ok = !result.started && result.step == LAUNCH_STEP_HANDOFF && result.error == E2BIG &&
                  strstr(result.detail, r->workspace) && strstr(result.detail, number);
        if (!ok)
                print_output(&result);
        tell(ok, about, name);
}

static void tell_one_more(Rig *r, const char *about, const char *number) {
        tell_refused(r, about, number, "one more, refused with the place and the number");
}

/* The owner's own configuration says 1700 times where hooks are, each time through 39 links, which are protected as well. */
static void tell_too_many_of_owner(Rig *r) {
        static RigResult result;
        _cleanup_free_ char *config = NULL, *target = NULL;
        if (asprintf(&config, "%s/.gitconfig", r->dir) < 0 ||
                        asprintf(&target, "%s/gitconfig", r->workspace) < 0)
                rig_die("memory", ENOMEM);
        need(symlink(target, config) == 0, "the owner's configuration");
        prepare(r, "for i in $(seq 39); do ln -s $((i + 1)) $i; done; { echo '[core]'; yes \"hooksPath = "
                   "$PWD/1\" | head -n 1700; } >gitconfig");
        start_in(r, &result);
        bool ok = !result.started && result.step == LAUNCH_STEP_HANDOFF && result.error == E2BIG &&
                  strstr(result.detail, "core.hooksPath") && strstr(result.detail, "65536 names");
        if (!ok)
                print_output(&result);
        tell(ok, "names that are trusted", "more than there may be of the owner, refused with what says so");
        need(unlink(config) == 0, "the owner's configuration");
}

int main(int argc, char **argv) {
        if (argc != 2) {
                fprintf(stderr, "Usage: %s LAUNCHER\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        use_memory();
        rig_start(&r, argv[1], NULL);
        begin(&r, LIMIT_HANDOFF_DIRS - 1, "");
        tell_as_many(&r, "directories");
        if (host(&r, "mkdir one-more") != 0)
                rig_die("one more", EIO);
        tell_one_more(&r, "directories", "100000 directories");

        /* LIMIT_HANDOFF_REPOSITORIES */
        begin(&r, LIMIT_HANDOFF_REPOSITORIES, "/.git");
        tell_as_many(&r, "repositories");
        if (host(&r, "mkdir -p one-more/.git") != 0)
                rig_die("one more", EIO);
        tell_one_more(&r, "repositories", "4096 git repositories");

        /* LIMIT_NAME_RULES: in each of 4096 repositories what is trusted leads elsewhere, which is trusted then, too */
        prepare(&r, "mkdir -p r/.git t && for n in .bashrc .claude .envrc .mcp.json .vscode; do ln -s "
                    "\"$PWD/t/$n\" r; done && "
                    "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do mkdir n && mv r n/a && cp -a n/a n/b && mv n "
                    "r; done");
        tell_refused(&r, "names that are trusted", "65536 names",
                        "more than there may be, refused with the place and the number");

        tell_too_many_of_owner(&r);

        /* GITCONFIG_MAX */
        prepare(&r, "git init -q repo; n=$(stat -c %s repo/.git/config); head -c $((262144 - n)) /dev/zero "
                    "| tr '\\0' '#' >>repo/.git/config");
        tell_as_many(&r, "a configuration of git");
        static RigResult result;
        if (host(&r, "echo >>repo/.git/config") != 0)
                rig_die("one more", EIO);
        start_in(&r, &result);
        tell(!result.started && result.step == LAUNCH_STEP_HANDOFF && result.error == EFBIG &&
                                        strstr(result.detail, "repo/.git/config"),
                        "a configuration of git", "one byte more, refused with its path");
        /* LIMIT_GIT_FILES */
        prepare(&r, "git init -q repo; >repo/.git/c; { echo '[include]'; yes path=c | head -n 1000; } "
                    ">>repo/.git/config");
        tell_refused(&r, "a configuration of git", "1000 files",
                        "that includes more, refused with its path");
        prepare(&r, NULL);
        rig_stop(&r);
        return tell_end();
}
