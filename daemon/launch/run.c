/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of contents of a cage. The order is the design (architecture.md, "Order inside the launcher"): what needs
 * the host first, then what needs privilege, then privilege goes, then what remains is narrowed. */

#include "cage.h"
#include "cleanup.h"
#include "init.h"

const Room launch_rooms[] = {
        { LAUNCH_STEP_FDS, "fds", wall_fds },
        { LAUNCH_STEP_PROCESS, "oom", wall_oom },
        { LAUNCH_STEP_OPEN, "open", wall_open },
        { LAUNCH_STEP_NETNS, "netns", wall_netns },
        { LAUNCH_STEP_TEMPLATE, "template", wall_template },
        { LAUNCH_STEP_HANDOFF, "handoff", wall_handoff },
        { LAUNCH_STEP_GUARD, "guard-maps", wall_guard_maps },
        { LAUNCH_STEP_MOUNT, "root", wall_root },
        { LAUNCH_STEP_HANDOFF, "mediate", wall_mediate },
        { LAUNCH_STEP_CGROUPNS, "cgroupns", wall_cgroup_namespace },
        { LAUNCH_STEP_PROCESS, "process", wall_process },
        { LAUNCH_STEP_LANDLOCK, "landlock-rules", wall_landlock_rules },
        { LAUNCH_STEP_GUARD, "guard", wall_guard },
        { LAUNCH_STEP_CAPABILITIES, "securebits", wall_securebits },
        { LAUNCH_STEP_IDENTITY, "identity", wall_identity },
        { LAUNCH_STEP_CAPABILITIES, "capabilities", wall_capabilities },
        { LAUNCH_STEP_CAPABILITIES, "no-new-privs", wall_no_new_privs },
        { LAUNCH_STEP_LANDLOCK, "landlock", wall_landlock },
        { LAUNCH_STEP_TEMPLATE, "gate", wall_gate },
        { LAUNCH_STEP_SECCOMP, "seccomp", wall_seccomp },
        { LAUNCH_STEP_NONE, NULL, NULL },
};

void cage_report_failure(int report, LaunchStep step, int error, const char *detail) {
        SetupMessage m = { LAUNCH_MAGIC, LAUNCH_VERSION, .step = step, .error = error };
        if (detail)
                (void)snprintf(m.detail, sizeof(m.detail), "%s", detail);
        /* write(), because send() may already be forbidden. The launcher sees our death if even this fails. */
        ssize_t n = write(report, &m, sizeof(m));
        (void)n;
}

void cage_note(const Cage *c, const char *name) {
        (void)snprintf(c->page->handoff, sizeof(c->page->handoff), "%s", name);
}

int launch_room(Cage *c, const Room *room) {
        c->detail = NULL;
        cage_note(c, room->name);
        return room->wall(c);
}

_Noreturn void launch_run(Cage *c) {
        for (const Room *room = launch_rooms; room->name; room++) {
                int r = launch_room(c, room);
                if (r < 0) {
                        cage_report_failure(c->report, room->step, -r, c->detail ? c->detail : room->name);
                        _exit(EXIT_FAILURE);
                }
        }
        init_run(c);
}
