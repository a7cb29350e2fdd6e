/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-error.h"

#include "cleanup.h"
#include "limits.h"
#include "log.h"
#include "names.h"

static const char *name_of(DecisionReason reason) {
        switch (reason) {
        case REASON_ALLOWED:
                break;
        case REASON_BEYOND_AGENT:
        case REASON_BEYOND_CEILING:
        case REASON_NOT_OWNER:
        case REASON_NOT_AUTHORIZED:
        case REASON_CALLER_IN_SANDBOX:
        case REASON_FROZEN:
                return MXC_ERROR_DENIED;
        case REASON_POLICY_INVALID:
                return MXC_ERROR_POLICY_INVALID;
        case REASON_NO_SUCH_POLICY:
                return MXC_ERROR_NO_SUCH_POLICY;
        case REASON_NO_SUCH_AGENT:
                return MXC_ERROR_NO_SUCH_AGENT;
        case REASON_AGENT_SUSPENDED:
                return MXC_ERROR_AGENT_SUSPENDED;
        case REASON_AGENT_REVOKED:
                return MXC_ERROR_AGENT_REVOKED;
        case REASON_LIMIT:
                return MXC_ERROR_LIMIT_REACHED;
        case REASON_UNSUPPORTED:
                return MXC_ERROR_UNSUPPORTED;
        case REASON_INVALID_ARGUMENT:
                return MXC_ERROR_INVALID_ARGUMENT;
        case _REASON_MAX:
                break;
        }
        return MXC_ERROR_INTERNAL;
}

const char *bus_error_cut(const char *sentence, char buffer[BUS_ERROR_SIZE]) {
        static const char dots[] = "…";
        if (!sentence || strlen(sentence) <= LIMIT_SENTENCE_BYTES)
                return sentence;
        size_t n = LIMIT_SENTENCE_BYTES - strlen(dots);
        while (n > 0 && ((unsigned char)sentence[n] & 0xc0) == 0x80) /* in the middle of a character */
                n--;
        memcpy(buffer, sentence, n);
        memcpy(buffer + n, dots, sizeof(dots));
        return buffer;
}

int bus_error_from_reason(sd_bus_error *error, DecisionReason reason, const char *sentence) {
        return sd_bus_error_set(error, name_of(reason), sentence);
}

int bus_error_from_decision(sd_bus_error *error, const Decision *d, const char *policy) {
        const char *sentence = d->sentence ? d->sentence : "This is not allowed.";
        if (!d->clause || d->clause[0] == 0)
                return sd_bus_error_set(error, name_of(d->reason), sentence);
        bool bare = d->clause[0] == '/'; /* otherwise it says of which policy it is */
        return sd_bus_error_setf(error, name_of(d->reason), "%s (%s%s%s, %s)", sentence, bare ? policy : "",
                        bare ? "#" : "", d->clause, decision_reason_to_string(d->reason));
}

int bus_error_from_report(sd_bus_error *error, const LaunchReport *report, const char *argv0) {
        const char *command = argv0 ? argv0 : "the command", *why = strerror(report->error);
        const char *step = report->step < _LAUNCH_STEP_MAX ? launch_step_to_string((LaunchStep)report->step)
                                                           : "unknown";
        if (report->step == LAUNCH_STEP_EXEC && (report->error == ENOENT || report->error == ENOTDIR))
                return sd_bus_error_setf(error, MXC_ERROR_NO_SUCH_COMMAND,
                                "%s is not there in the sandbox. Is it below a path that the policy grants?",
                                command);
        if (report->step == LAUNCH_STEP_EXEC)
                return sd_bus_error_setf(error, MXC_ERROR_NOT_EXECUTABLE,
                                "%s cannot be executed: %s. Does the policy grant execution there?", command,
                                why);
        if (report->step == LAUNCH_STEP_OPEN && report->error == ELOOP)
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "%s is, or goes through, a symbolic link. Name the directory itself: "
                                "realpath %s.",
                                report->detail, report->detail);
        if (report->step == LAUNCH_STEP_PROOF && report->error == EACCES)
                return sd_bus_error_setf(error, MXC_ERROR_UNSUPPORTED,
                                "This host does not keep what the policy promises: its wall \"%s\" was "
                                "tried and "
                                "does not hold. Nothing runs under that policy until it does; mxc-launch(8) "
                                "says of each wall what it takes.",
                                report->detail);
        if (report->step == LAUNCH_STEP_PROOF)
                return sd_bus_error_setf(error, MXC_ERROR_UNSUPPORTED,
                                "The walls of the policy could not be tried on this host, and untried "
                                "nothing "
                                "runs: %s (%s). Try again; journalctl -u mxc-launch tells more.",
                                report->detail, why);
        if (report->error == EOPNOTSUPP)
                return sd_bus_error_setf(error, MXC_ERROR_UNSUPPORTED,
                                "This host cannot build what the policy needs: %s: %s (%s).", step,
                                report->detail, why);
        if (report->step == LAUNCH_STEP_PUBLISH && report->error == EADDRINUSE)
                return sd_bus_error_setf(error, MXC_ERROR_ADDRESS_IN_USE,
                                "%s, where the policy publishes a port, is in use on this host. End who "
                                "listens there, or publish at another \"hostPort\".",
                                report->detail);
        if (report->step == LAUNCH_STEP_PUBLISH)
                return sd_bus_error_setf(error, MXC_ERROR_LAUNCH_FAILED,
                                "%s, where the policy publishes a port, cannot be had: %s.", report->detail,
                                why);
        if (report->error == ENOTCONN)
                return sd_bus_error_set(error, MXC_ERROR_LAUNCH_FAILED,
                                "mxc-launch is not there; see systemctl status mxc-launch. Try again.");
        if (report->step == LAUNCH_STEP_OPEN && report->error == EROFS)
                return sd_bus_error_setf(error, MXC_ERROR_LAUNCH_FAILED,
                                "%s is on a read-only file system, and the policy grants writing there. "
                                "Choose another place, or a policy that only reads it.",
                                report->detail);
        bool unreachable = report->step == LAUNCH_STEP_OPEN &&
                           (report->error == EACCES || report->error == ENOENT);
        return sd_bus_error_setf(error, MXC_ERROR_LAUNCH_FAILED,
                        "The sandbox could not be built (step %s): %s%s%s.%s", step, report->detail,
                        report->detail[0] ? ": " : "", why,
                        unreachable ? " What a request names must be there, and the owner of the agent must "
                                      "be able to reach it."
                                    : "");
}

int bus_error_internal(sd_bus_error *error, int r, const char *what) {
        log_error("%s: %s", what, strerror(-r));
        return sd_bus_error_setf(error, MXC_ERROR_INTERNAL, "%s: %s", what, strerror(-r));
}

int bus_error_audit(sd_bus_error *error, int r) {
        log_error("No record can be made: %s", strerror(-r));
        return sd_bus_error_setf(error, MXC_ERROR_AUDIT_UNAVAILABLE,
                        "The journal takes no records (%s), and nothing is done unrecorded. Is "
                        "systemd-journald running?",
                        strerror(-r));
}
