/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act.h"

#include <stdarg.h>

#include "bus-error.h"
#include "cleanup.h"
#include "door.h"
#include "log.h"
#include "names.h"
#include "sandbox.h"

static void discharge(Act *a) {
        if (!a->charged)
                return;
        Usage *u = manager_usage(a->manager, a->caller->uid);
        if (u)
                u->n_pending--;
        a->charged = false;
        manager_usage_settle(a->manager, a->caller->uid);
}

static void act_free(Act *a) {
        if (a->free_data)
                a->free_data(a->data);
        discharge(a);
        sd_bus_error_free(&a->denied);
        sd_bus_message_unref(a->message);
        caller_unref(a->caller);
        free(a->object);
        free(a);
}

static void told(int r) {
        if (r < 0 && r != -ENOTCONN && r != -ECONNRESET)
                log_warning("A reply could not be sent: %s", strerror(-r));
}

void act_reply(Act *a, const char *types, ...) {
        va_list args;
        va_start(args, types);
        int r = sd_bus_reply_method_returnv(a->message, types, args);
        va_end(args);
        told(r);
        if (r < 0) /* a descriptor for somebody who takes none; who has gone is not told anyhow */
                (void)sd_bus_reply_method_errorf(a->message, MXC_ERROR_INTERNAL,
                                "The answer cannot be made: %s", strerror(-r));
        act_free(a);
}

void act_reply_message(Act *a, sd_bus_message *reply) {
        told(sd_bus_send(NULL, reply, NULL));
        sd_bus_message_unref(reply);
        act_free(a);
}

void act_end(Act *a) {
        act_free(a);
}

void act_reply_error(Act *a, const sd_bus_error *error) {
        char cut[BUS_ERROR_SIZE];
        const sd_bus_error answer = SD_BUS_ERROR_MAKE_CONST(error->name, bus_error_cut(error->message, cut));
        told(sd_bus_reply_method_error(a->message, &answer));
        act_free(a);
}

/* What records of this act begin with: whose the thing is that it is about. */
static AuditSubject subject_of(const Act *a) {
        AuditSubject s = { .caller = a->caller, .on_behalf_uid = AUDIT_NO_UID };
        if (streq(a->kind->interface, MXC_IFACE_SANDBOX)) {
                const Sandbox *sandbox = sandbox_find(a->manager, a->object);
                if (sandbox)
                        return sandbox_subject(sandbox, a->caller);
                s.sandbox = a->object;
        } else if (a->object[0]) { /* of an agent, or the manager's revoking one */
                const Agent *agent = registry_peek(a->manager->registry, a->object);
                s.agent = a->object;
                s.agent_uuid = agent ? agent->uuid : NULL;
                s.on_behalf_uid = agent ? agent->owner : AUDIT_NO_UID;
        }
        return s;
}

/* That this method was refused, and nothing of what it was asked for. */
static int record_control(const Act *a, DecisionReason reason, const char *sentence) {
        const AuditSubject s = subject_of(a);
        _cleanup_free_ char *method = NULL;
        if (asprintf(&method, "%s.%s", a->kind->interface, a->kind->method) < 0)
                return -ENOMEM;
        return audit_control(a->manager->audit, &s, method, reason, sentence);
}

static int record_refusal(Act *a, DecisionReason reason, const char *sentence) {
        return a->kind->record_refusal ? a->kind->record_refusal(a, reason, sentence)
                                       : record_control(a, reason, sentence);
}

/* A refusal that cannot be recorded is one all the same. */
static void not_on_record(int r) {
        if (r < 0)
                log_error("A refusal is not on record: %s", strerror(-r));
}

static void refuse(Act *a, DecisionReason reason, const sd_bus_error *error) {
        not_on_record(record_refusal(a, reason, error->message));
        act_reply_error(a, error);
}

void act_refuse(Act *a, DecisionReason reason, const char *sentence) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)bus_error_from_reason(&error, reason, sentence); /* returns the error that it sets */
        refuse(a, reason, &error);
}

static void run(Act *a, int (*what)(Act *a, sd_bus_error *error)) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = what(a, &error);
        if (r >= 0)
                return; /* it has answered, or will */
        if (!sd_bus_error_is_set(&error))
                (void)bus_error_internal(&error, r, a->kind->method);
        act_reply_error(a, &error);
}

static void on_turn(int e, void *userdata) {
        Act *a = userdata;
        const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(
                        MXC_ERROR_DENIED, "mxcd is going down; ask again in a moment.");
        if (e < 0)
                act_reply_error(a, &error);
        else
                run(a, a->then);
}

int act_in_turn(Act *a, int (*then)(Act *a, sd_bus_error *error)) {
        a->then = then;
        if (!a->manager->turns) /* going down */
                return -ESHUTDOWN;
        return turns_wait(a->manager->turns, a->caller->uid, on_turn, a);
}

static void on_room(int e, void *userdata) {
        Act *a = userdata;
        int r = e < 0 ? e : sd_bus_message_rewind(a->message, true);
        if (r < 0) {
                on_turn(r, a);
                return;
        }
        if (now_boottime() >= a->record_by)
                a->order = AUDIT_BEFORE_OR_STORED;
        run(a, a->kind->run);
}

static RecordLine line_of(const Act *a) {
        return authorize_is_own(a->caller, a->kind->interface, a->kind->method, a->owner)
                               ? RECORD_LINE_OWNERS
                               : RECORD_LINE_ADMINISTRATORS;
}

int act_unrecorded(Act *a, int r, sd_bus_error *error) {
        if (r == -ENOMEM || a->order != AUDIT_BEFORE || !a->manager->waits)
                return bus_error_audit(error, r);
        if (a->record_by == 0)
                a->record_by = record_wait_deadline(a->manager->waits);
        if (record_wait_begin(a->manager->waits, line_of(a), a->record_by, on_room, a) < 0)
                return bus_error_audit(error, r);
        if (a->free_data)
                a->free_data(a->data);
        a->data = NULL;
        a->free_data = NULL;
        return 0;
}

static bool has_to_queue(const Act *a) {
        return a->kind->changes && a->manager->waits && record_wait_is_behind(a->manager->waits, line_of(a));
}

/* Behind those that wait for the journal, as if it had found no room itself. */
static int queue(Act *a, sd_bus_error *error) {
        return act_unrecorded(a, -EAGAIN, error);
}

static int refuse_unauthorized(Act *a, sd_bus_error *error) {
        refuse(a, REASON_NOT_AUTHORIZED, &a->denied);
        return 0;
}

/* What it shows is somebody else's. */
static int record_look(Act *a, sd_bus_error *error) {
        AuditSubject s = subject_of(a);
        _cleanup_free_ char *method = NULL;
        if (s.on_behalf_uid == AUDIT_NO_UID && a->owner != a->caller->uid)
                s.on_behalf_uid = a->owner;
        int r = asprintf(&method, "%s.%s", a->kind->interface, a->kind->method) < 0
                                ? -ENOMEM
                                : audit_inspect(a->manager->audit, &s, method);
        return r < 0 ? bus_error_audit(error, r) : a->kind->run(a, error);
}

static int (*how_to_run(const Act *a))(Act *a, sd_bus_error *error) {
        if (authorize_inspects(a->caller, a->kind->interface, a->kind->method, a->owner))
                return record_look;
        return has_to_queue(a) ? queue : a->kind->run;
}

/* The record of a refusal tells what was asked for, which may be a megabyte of words. */
static void on_authorized(bool allowed, const sd_bus_error *error, void *userdata) {
        Act *a = userdata;
        if (allowed)
                run(a, how_to_run(a));
        else if (sd_bus_error_copy(&a->denied, error) == -ENOMEM || act_in_turn(a, refuse_unauthorized) < 0)
                refuse(a, REASON_NOT_AUTHORIZED, error);
}

static bool charge(Act *a) {
        Usage *u = manager_usage(a->manager, a->caller->uid);
        if (!u || u->n_pending >= LIMIT_PENDING_PER_UID)
                return false;
        u->n_pending++;
        a->charged = true;
        return true;
}

/* What they ask for is not even read: there may be a flood of it. */
static void refuse_crowd(Act *a, uid_t uid) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)sd_bus_error_setf(&error, MXC_ERROR_LIMIT_REACHED,
                        "More than %u requests of uid %u are under way; wait for some to be answered.",
                        LIMIT_PENDING_PER_UID, uid); /* returns what it sets */
        not_on_record(record_control(a, REASON_LIMIT, error.message));
        act_reply_error(a, &error);
}

static void on_caller(Caller *caller, int error, void *userdata) {
        Act *a = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        if (!caller) {
                (void)sd_bus_error_setf(&e, MXC_ERROR_DENIED, "It cannot be told who asks: %s.",
                                error == -EPERM ? "uid 65534 is that of everybody whom a user namespace "
                                                  "does not know; ask as another user"
                                                : strerror(-error));
                act_reply_error(a, &e);
                return;
        }
        a->caller = caller_ref(caller);
        if (caller->in_sandbox) {
                act_refuse(a, REASON_CALLER_IN_SANDBOX, "A process inside a sandbox has no say here.");
                return;
        }
        if (!charge(a)) {
                refuse_crowd(a, caller->uid);
                return;
        }
        a->owner = caller->uid;
        int r = a->kind->owner ? a->kind->owner(a, &a->owner, &e) : 0;
        if (r >= 0)
                r = authorize(a->manager->authorizer, caller, a->kind->interface, a->kind->method, a->owner,
                                sd_bus_message_get_allow_interactive_authorization(a->message) > 0,
                                on_authorized, a);
        if (r >= 0)
                return;
        if (!sd_bus_error_is_set(&e))
                (void)bus_error_internal(&e, r, "The request cannot be authorized");
        act_reply_error(a, &e);
}

int act_begin(Manager *m, sd_bus_message *message, const ActKind *kind, const char *object,
                sd_bus_error *error) {
        Act *a = calloc(1, sizeof(Act));
        if (!a)
                return -ENOMEM;
        *a = (Act){
                .manager = m, .kind = kind, .object = strdup(object), .message = sd_bus_message_ref(message)
        };
        if (!a->object) {
                act_free(a);
                return -ENOMEM;
        }
        if (sd_bus_message_get_bus(message) != m->bus) {
                Caller *peer = door_caller(m->door, sd_bus_message_get_bus(message));
                on_caller(peer, -ENOTCONN, a);
                return 1;
        }
        int r = caller_cache_get(m->callers, sd_bus_message_get_sender(message), on_caller, a);
        if (r == -EBUSY) { /* nor is it known yet who they are */
                r = sd_bus_error_setf(error, MXC_ERROR_LIMIT_REACHED,
                                "More than %u requests of one connection are under way before it is known "
                                "whose it is.",
                                LIMIT_PENDING_PER_UID);
                not_on_record(record_control(a, REASON_LIMIT, error->message));
        }
        if (r < 0)
                act_free(a);
        return r < 0 ? r : 1;
}
