/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One command in the tests' cage, by hand: try LAUNCHER COMMAND… */
#include "cleanup.h"
#include "rig.h"

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
