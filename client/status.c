/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "status.h"

#include "cleanup.h"
#include "names.h"

static const struct {
        const char *reason, *sentence; /* sentence NULL: the number says it all */
} ends[] = {
        { "exited", NULL },
        { "killed", NULL },
        { "timeout", "it ran longer than its timeout, and was ended" },
        { "stopped", "its sandbox was stopped" },
        { "revoked", "its agent was revoked or suspended, and everything of it was ended" },
        { "oom", "it used more memory than its policy grants, and was killed by the kernel" },
        { "lost", "nobody knows how it ended, as what looks after it was gone; `mxcctl audit` may tell "
                  "more" },
};

const char *sentence_of_end(const char *reason) {
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (streq(ends[i].reason, reason))
                        return ends[i].sentence;
        return "it ended in a way that this version of mxcctl does not know";
}

int status_of_end(int code, int signal, const char *reason) {
        if (streq(reason, "timeout"))
                return STATUS_TIMEOUT;
        if (streq(reason, "lost"))
                return STATUS_RUN_FAILED;
        if (signal > 0 && signal < 128)
                return STATUS_SIGNAL + signal;
        return code >= 0 && code <= 255 ? code : STATUS_RUN_FAILED;
}

int status_of_run_error(const char *name) {
        if (streq(name, MXC_ERROR_NO_SUCH_COMMAND))
                return STATUS_NO_COMMAND;
        if (streq(name, MXC_ERROR_NOT_EXECUTABLE))
                return STATUS_NOT_EXECUTABLE;
        return STATUS_RUN_FAILED;
}

const char *hint_of_error(const char *name, const char *sentence) {
        static const struct {
                const char *name, *hint;
        } hints[] = {
                { MXC_ERROR_NO_SUCH_AGENT, "`mxcctl agent list` shows the agents there are; without --agent "
                                           "you run as your own." },
                { MXC_ERROR_NO_SUCH_SANDBOX, "`mxcctl list` shows the sandboxes there are." },
                { MXC_ERROR_NO_SUCH_POLICY, "`mxcctl policy list` shows the policies there are; a file "
                                            "needs a slash in its name, as in ./policy.json." },
                { MXC_ERROR_POLICY_INVALID, "`mxcctl policy check FILE` finds every place." },
                { MXC_ERROR_AGENT_REVOKED, "A revoked agent never runs again: register another." },
                { MXC_ERROR_AGENT_SUSPENDED, "`mxcctl agent resume` ends a suspension." },
                { MXC_ERROR_AGENT_EXISTS,
                                "Choose another: a name is taken for ever, also by a revoked agent. Only of "
                                "your own, user-UID-x, one that is revoked and runs nothing is free "
                                "again." },
                { MXC_ERROR_LIMIT_REACHED, "`mxcctl list` shows what is running; end something, or wait." },
                { MXC_ERROR_UNSUPPORTED, "`mxcctl status` shows what this host can enforce." },
                { MXC_ERROR_NO_SUCH_COMMAND, "It has to exist inside: `mxcctl policy explain POLICY read "
                                             "PATH` tells what is there." },
                { MXC_ERROR_NOT_EXECUTABLE, "`mxcctl policy explain POLICY exec PATH` tells whether the "
                                            "policy lets it be executed." },
                { MXC_ERROR_ADDRESS_IN_USE, "`ss -ltnp` shows who listens; `mxcctl list` whether it is a "
                                            "sandbox." },
                { MXC_ERROR_LAUNCH_FAILED, "`journalctl -u mxc-launch.service` may tell more." },
                { MXC_ERROR_AUDIT_UNAVAILABLE, "Nothing is done that cannot be recorded: see `systemctl "
                                               "status systemd-journald`." },
                { MXC_ERROR_INTERACTIVE_AUTH, "It needs an administrator: run it where polkit can ask for a "
                                              "password, or as root." },
                { MXC_ERROR_INTERNAL, "`journalctl -u mxcd.service` tells more." },
                { "org.freedesktop.DBus.Error.ServiceUnknown", "mxcd is not installed or cannot be started: "
                                                               "see `systemctl status mxcd.service`." },
                { "org.freedesktop.DBus.Error.NoReply",
                                "mxcd went away, or took too long: see `systemctl status mxcd.service`." },
                { "org.freedesktop.DBus.Error.TimedOut",
                                "mxcd does not come up: `journalctl -u mxcd.service` tells why." },
                { "org.freedesktop.systemd1.UnitMasked", "Somebody has forbidden to start it; `systemctl "
                                                         "unmask mxcd.service` ends that." },
                { "org.freedesktop.DBus.Error.UnknownMethod",
                                "mxcd is older than this mxcctl: restart it after an upgrade." },
        };
        if (strstr(sentence, "mxcctl")) /* it says so itself */
                return NULL;
        if (streq(name, MXC_ERROR_DENIED)) /* by a policy, by polkit, or for what it is */
                return strstr(sentence, "olicy ") ? "`mxcctl policy explain` tells what a policy allows; "
                                                    "--clamp cuts a policy down to its bounds."
                       : strstr(sentence, "authentication")
                                       ? "It takes an administrator: do it as root, or where polkit can ask."
                                       : NULL;
        for (size_t i = 0; i < ELEMENTSOF(hints); i++)
                if (streq(hints[i].name, name))
                        return hints[i].hint;
        return NULL;
}
