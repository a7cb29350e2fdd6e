/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxcctl as it is installed: run and exec, which are measured in milliseconds, and a way on to everything else. Loading libsystemd and
 * what it brings takes longer than all that run does. */

#include "channels.h"
#include "cleanup.h"
#include "escape.h"
#include "exec.h"
#include "limits.h"
#include "run.h"
#include "say.h"
#include "status.h"

#define REST "mxcctl-verbs"

/* Installed, or beside this one in a build directory. */
static int hand_on(char **argv) {
        (void)execv(MXC_LIBDIR "/" REST, argv);
        char path[LIMIT_PATH_BYTES + 1];
        ssize_t n = errno == ENOENT ? readlink("/proc/self/exe", path, sizeof path - sizeof REST) : -1;
        if (n > 0) {
                path[n] = '\0';
                char *slash = strrchr(path, '/');
                if (slash) {
                        memcpy(slash + 1, REST, sizeof REST);
                        (void)execv(path, argv);
                }
        }
        return fail(STATUS_TROUBLE, "cannot start %s: %s; is mxcd installed whole?", MXC_LIBDIR "/" REST,
                        strerror(errno));
}

int main(int argc, char **argv) {
        static const Verb *const verbs[] = { &verb_run_command, &verb_exec_command };
        int r = channels_fill_gaps();
        escape_begin();
        if (r < 0)
                return fail(STATUS_RUN_FAILED,
                                "one of the three standard streams is closed, and /dev/null cannot be "
                                "opened in "
                                "its place: %s",
                                strerror(-r));
        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(verbs); i++)
                if (streq(argv[1], verbs[i]->name))
                        return verb_run(verbs[i], argv + 2);
        return hand_on(argv);
}
