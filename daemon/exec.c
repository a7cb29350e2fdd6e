/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A further command in a sandbox that stands: the same cage, so nothing is decided afresh but that the sandbox is the caller's. */
#include <fcntl.h>

#include "bus-error.h"
#include "cleanup.h"
#include "codec.h"
#include "log.h"
#include "names.h"
#include "planner.h"
#include "request.h"
#include "sandbox.h"
#include "spawn.h"

typedef struct Exec {
        SpawnRequest request;
        uint32_t number;
} Exec;

static void exec_free(void *data) {
        Exec *x = data;
        spawn_request_clear(&x->request);
        free(x);
}

static int owner(Act *a, uid_t *ret, sd_bus_error *error) {
        const Sandbox *s = sandbox_find(a->manager, a->object);
        if (!s)
                return sd_bus_error_set(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is over.");
        *ret = s->charged;
        return 0;
}

static int record(Act *a, const Sandbox *s, uint32_t number, char *const *argv, DecisionReason reason,
                const char *sentence) {
        const AuditSubject subject = sandbox_subject(s, a->caller);
        const Decision d = { .verdict = reason == REASON_ALLOWED ? VERDICT_ALLOW : VERDICT_DENY,
                .reason = reason,
                .clause = (char *)"",
                .sentence = (char *)sentence,
                .bound = reason == REASON_ALLOWED ? "" : "host" };
        return audit_exec(a->manager->audit, &subject, number, &d, argv);
}

static int record_refusal(Act *a, DecisionReason reason, const char *sentence) {
        const Sandbox *s = sandbox_find(a->manager, a->object);
        const Exec *x = a->data;
        return s ? record(a, s, 0, x ? x->request.argv : NULL, reason, sentence) : 0;
}

/* Not a matter of rights, and on record all the same. */
static int refuse(Act *a, DecisionReason reason, const char *sentence, sd_bus_error *error) {
        int r = record_refusal(a, reason, sentence);
        if (r < 0)
                log_error("A refusal is not on record: %s", strerror(-r));
        return bus_error_from_reason(error, reason, sentence);
}

static int refuse_state(Act *a, const Sandbox *s, sd_bus_error *error) {
        _cleanup_free_ char *sentence = NULL;
        if (s->state == SANDBOX_FROZEN)
                return refuse(a, REASON_FROZEN, "The sandbox is frozen; thaw it first.", error);
        const Agent *who = registry_against(s->manager->registry, s->agent);
        if (who) {
                if (asprintf(&sentence, "Agent %s is %s.", who->name, agent_state_to_string(who->state)) < 0)
                        return -ENOMEM;
                return refuse(a, who->state == AGENT_REVOKED ? REASON_AGENT_REVOKED : REASON_AGENT_SUSPENDED,
                                sentence, error);
        }
        if (s->n_commands > LIMIT_EXECS_PER_SANDBOX || /* its own command is one more */
                        s->last_command == UINT32_MAX) {
                if (asprintf(&sentence, "More than %u commands run in this sandbox.",
                                    LIMIT_EXECS_PER_SANDBOX) < 0)
                        return -ENOMEM;
                return refuse(a, REASON_LIMIT, sentence, error);
        }
        return 0;
}

static void record_failure(Act *a, const Sandbox *s, const char *step, int error, const char *detail) {
        const AuditSubject subject = sandbox_subject(s, a->caller);
        if (audit_fail(a->manager->audit, &subject, step, error, detail) < 0)
                log_error("The failure of a command in sandbox %s is not on record.", s->id);
}

static void reply_started(Act *a, uint32_t number, int pty) {
        if (pty >= 0)
                act_reply(a, "ua{sv}", number, 1, "pty", "h", pty);
        else
                act_reply(a, "ua{sv}", number, 0);
}

static void on_launched(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Act *a = userdata;
        const Exec *x = a->data;
        Sandbox *s = sandbox_find(a->manager, a->object);
        Command *c = s ? command_find(s, x->number) : NULL;
        if (report->event == LAUNCH_EVENT_STARTED && s && c) {
                c->start = COMMAND_BEGUN;
                c->told = true;
                if ((c->tied && !c->bus) ||
                                c->killed) /* while it was started, when it may not have been in its group */
                        (void)sandbox_kill_exec(s, c); /* logs itself */
                /* pidfd first, a page the sandbox's command alone has, and the pty last */
                reply_started(a, x->number, x->request.pty && n_fds > 1 ? fds[n_fds - 1] : -EBADF);
                return;
        }
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        if (c && c->killed) /* its group went before it came there */
                (void)sd_bus_error_set(&error, MXC_ERROR_LAUNCH_FAILED,
                                "It was killed before it had begun."); /* returns what it sets */
        else
                (void)bus_error_from_report(&error, report, x->request.argv[0]); /* returns what it sets */
        if (s && c) {
                record_failure(a, s,
                                report->step < _LAUNCH_STEP_MAX
                                                ? launch_step_to_string((LaunchStep)report->step)
                                                : "unknown",
                                report->error, report->detail);
                /* then it may begin all the same; where that is not known yet, adopt_report() ends it */
                if (report->error == ENOTCONN)
                        (void)sandbox_kill_exec(s, c); /* logs itself */
                c->ended = true;
                command_free(s, c);
                sandbox_settle(s);
        }
        act_reply_error(a, &error);
}

static int send_plan(Act *a, const Sandbox *s, char **env, size_t n_env) {
        const Exec *x = a->data;
        size_t n_argv = 0;
        while (x->request.argv[n_argv])
                n_argv++;
        const ExecPlan plan = {
                .id = (char *)s->id,
                .argv = x->request.argv,
                .n_argv = n_argv,
                .env = env,
                .n_env = n_env,
                .cwd = x->request.cwd    ? x->request.cwd
                       : s->workspace[0] ? s->workspace
                                         : (char *)"/",
                .pty = x->request.pty,
                .rows = x->request.rows,
                .columns = x->request.columns,
        };
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int memfd = -EBADF, null = open("/dev/null", O_RDWR | O_CLOEXEC);
        size_t size;
        int r = null < 0 ? -errno : exec_plan_encode(&plan, &data, &size);
        if (r == 0)
                r = sealed_memfd_new(data, size, &memfd);
        if (r < 0)
                return r;
        int fds[4] = { memfd, x->request.stdio[0], x->request.stdio[1], x->request.stdio[2] };
        for (size_t i = 1; i < ELEMENTSOF(fds); i++)
                if (fds[i] < 0)
                        fds[i] = null;
        const LaunchRequest q = { .verb = LAUNCH_EXEC, .exec = x->number };
        return launch_channel_call(
                        a->manager->launch, &q, fds, plan.pty ? 1 : ELEMENTSOF(fds), on_launched, a);
}

static int start(Act *a, Sandbox *s, sd_bus_error *error) {
        Exec *x = a->data;
        char **env = NULL;
        size_t n_env = 0;
        Command *c = NULL;
        x->number = s->last_command + 1;
        int r = record(a, s, x->number, x->request.argv, REASON_ALLOWED, NULL);
        if (r < 0)
                return act_unrecorded(a, r, error);
        s->last_command = x->number;
        r = plan_environment(s->effective->policy, &s->owner, x->request.env, &env, &n_env);
        if (r == 0)
                r = command_new(s, x->number, a->caller->bus, a->caller->sender, x->request.tie, &c);
        if (r == 0)
                r = runtime_save(
                                s); /* the next mxcd must know the number, and what ends it with who waits */
        if (r == 0)
                r = send_plan(a, s, env, n_env);
        if (r < 0)
                record_failure(a, s, launch_step_to_string(LAUNCH_STEP_PLAN), -r, "");
        if (r < 0 && c)
                command_free(s, c);
        for (size_t i = 0; env && env[i]; i++)
                free(env[i]);
        free(env);
        return r;
}

static int run(Act *a, sd_bus_error *error) {
        Sandbox *s = sandbox_find(a->manager, a->object);
        if (!s || s->state == SANDBOX_EXITED || s->state == SANDBOX_STOPPING)
                return sd_bus_error_set(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is over.");
        if (s->state == SANDBOX_STARTING)
                return sd_bus_error_set(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is not there yet.");
        Exec *x = calloc(1, sizeof(Exec));
        if (!x)
                return -ENOMEM;
        x->request.stdio[0] = x->request.stdio[1] = x->request.stdio[2] = -EBADF;
        a->data = x;
        a->free_data = exec_free;
        int r = sd_bus_message_rewind(a->message, true);
        if (r >= 0)
                r = spawn_request_read(a->message, REQUEST_FOR_EXEC, &x->request, error);
        if (r >= 0)
                r = refuse_state(a, s, error);
        return r < 0 ? r : start(a, s, error);
}

const ActKind act_exec = { MXC_IFACE_SANDBOX, "Exec", owner, run, record_refusal, true };
