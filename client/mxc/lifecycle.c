/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifecycle.h"

#include <jansson.h>
#include <pwd.h>

#include "cleanup.h"
#include "lifecycle-bus.h"
#include "lifecycle-home.h"
#include "lifecycle-id.h"
#include "lifecycle-policy.h"
#include "mxc-caller.h"
#include "text-list.h"

#define USER_NAME "user of number %u"

/* One call. */
typedef struct Call {
        const MxcConfig *config;
        LifecycleId id;
        sd_bus *bus;
        LifecycleHome home;
        char *sandbox; /* that runs; NULL: none */
        MxcError *error;
} Call;

static void call_clear(Call *c) {
        lifecycle_home_clear(&c->home);
        sd_bus_flush_close_unref(c->bus);
        free(c->sandbox);
}

static int stale(Call *c) {
        return mxc_refuse(c->error, MXC_STALE_ID,
                        "there is no sandbox %s: it was never provisioned here by this user, or is "
                        "deprovisioned",
                        c->id.id);
}

/* Its files are the caller's, and can go by themselves; that it is there, mxcd says. */
static int open_home(Call *c, bool needed) {
        int r = lifecycle_home_open(c->id.agent, &c->home);
        if (r == 0 || r == -ENOMEM || (r == -ENOENT && !needed))
                return r == -ENOENT ? 0 : r;
        return mxc_refuse(c->error, MXC_BACKEND_ERROR,
                        "the files of sandbox %s below $XDG_STATE_HOME/mxc (or ~/.local/state/mxc) cannot "
                        "be used: "
                        "%s; deprovision it, and provision another",
                        c->id.id, strerror(-r));
}

/* Of a sandbox that there should be: locked, and what runs of it. */
static int begin(Call *c, bool files_needed) {
        bool is = false;
        int r = lifecycle_id_parse(c->config->sandbox_id ? c->config->sandbox_id : "", &c->id, c->error);
        if (r == 0)
                r = lifecycle_bus_open(&c->bus, c->error);
        if (r == 0)
                r = lifecycle_agent_is(c->bus, c->id.agent, &is, c->error);
        if (r == 0 && !is)
                r = stale(c);
        if (r == 0)
                r = open_home(c, files_needed);
        if (r == 0 && c->home.lock >= 0) /* who had it before may have deprovisioned it */
                r = lifecycle_agent_is(c->bus, c->id.agent, &is, c->error);
        if (r == 0 && !is)
                r = stale(c);
        return r < 0 ? r : lifecycle_sandbox_of(c->bus, c->id.agent, &c->sandbox, c->error);
}

/* ---- answers ---- */

static int answer(json_t *result, const MxcConfig *config, char **ret) {
        json_auto_t *owned = result;
        if (config->correlation_vector && json_object_set_new(result, "correlationVector",
                                                          json_string(config->correlation_vector)) < 0)
                return -ENOMEM;
        json_auto_t *whole = result ? json_pack("{s:O}", "result", result) : NULL;
        *ret = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
        return *ret ? 0 : -ENOMEM;
}

static json_t *warnings_of(const MxcStrings *list, const char *const *more) {
        json_t *all = json_array();
        for (size_t i = 0; i < list->n; i++)
                (void)json_array_append_new(
                                all, json_string(list->items[i])); /* one that is missing is seen below */
        for (; *more; more++)
                (void)json_array_append_new(all, json_string(*more));
        return all;
}

static int user_name(char **ret) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
                *ret = strdup(found->pw_name);
        else if (asprintf(ret, USER_NAME, geteuid()) < 0)
                *ret = NULL;
        return *ret ? 0 : -ENOMEM;
}

/* ---- provision ---- */

static const char *const said_of_iso[] = {
        "it runs as its owner: a user of its own is not to be had from this version of mxcd",
        NULL,
};
static const char *const said_of_wslc[] = {
        "it has no image: what it sees are this host's own system directories, read-only",
        "it runs as its owner: a user of its own is not to be had from this version of mxcd",
        NULL,
};

static json_t *provisioned(const Call *c, const MxcStrings *warnings) {
        bool iso = c->id.containment == MXC_ISOLATION_SESSION;
        _cleanup_free_ char *user = NULL, *sid = NULL;
        json_t *result = json_pack("{s:s, s:o}", "sandboxId", c->id.id, "warnings",
                        warnings_of(warnings, iso ? said_of_iso : said_of_wslc));
        if (!iso || !result)
                return result;
        if (user_name(&user) < 0 || asprintf(&sid, "S-1-22-1-%u", geteuid()) < 0) {
                json_decref(result);
                return NULL;
        }
        if (json_object_set_new(result, "metadata",
                            json_pack("{s:s, s:s, s:s}", "agentUserName", user, "agentUserSid", sid,
                                            "ephemeralWorkspacePath", c->home.workspace)) < 0) {
                json_decref(result);
                return NULL;
        }
        return result;
}

static int describe(const Call *c, char **ret) {
        const char *app = c->config->app_id;
        int n = asprintf(ret, "MXC sandbox %s%s%s", c->id.id, app ? ", of " : "", app ? app : "");
        return n < 0 ? -ENOMEM : 0;
}

static int provision(Call *c, const char *text, bool dry, char **ret) {
        _cleanup_(lifecycle_policy_clear) LifecyclePolicy policy = { 0 };
        _cleanup_free_ char *description = NULL;
        int r = lifecycle_id_new(c->config->containment, &c->id, c->error);
        if (r == 0) /* that it could be started, too */
                r = lifecycle_policy_of(text, NULL, &policy, c->error);
        if (r == 0)
                r = lifecycle_bus_open(&c->bus, c->error);
        if (r < 0 || dry)
                return r < 0 ? r : answer(json_object(), c->config, ret);
        r = describe(c, &description);
        if (r == 0) {
                r = lifecycle_home_make(c->id.agent, text, &c->home);
                if (r < 0 && r != -ENOMEM)
                        r = mxc_refuse(c->error, MXC_BACKEND_ERROR,
                                        "its files below $XDG_STATE_HOME/mxc (or ~/.local/state/mxc) cannot "
                                        "be made: %s",
                                        strerror(-r));
        }
        if (r < 0)
                return r;
        r = lifecycle_agent_register(c->bus, c->id.agent, description, c->error);
        if (r == 0)
                r = answer(provisioned(c, &policy.warnings), c->config, ret);
        else
                (void)lifecycle_home_remove(&c->home); /* empty files of nobody's, if they stay */
        return r;
}

/* ---- the others ---- */

static json_t *started(const MxcStrings *cut) {
        static const char *const no_more[] = { NULL };
        return cut->n > 0 ? json_pack("{s:o}", "warnings", warnings_of(cut, no_more)) : json_object();
}

static int start(Call *c, bool dry, char **ret) {
        _cleanup_(lifecycle_policy_clear) LifecyclePolicy policy = { 0 };
        _cleanup_free_ char *text = NULL;
        int r = begin(c, true);
        if (r == 0 && c->sandbox)
                r = mxc_refuse(c->error, MXC_ALREADY_STARTED, "sandbox %s is started already", c->id.id);
        if (r == 0) {
                r = lifecycle_home_read(&c->home, &text);
                if (r < 0 && r != -ENOMEM)
                        r = mxc_refuse(c->error, MXC_BACKEND_ERROR,
                                        "what sandbox %s was provisioned with cannot be read: %s; "
                                        "deprovision it, "
                                        "and provision another",
                                        c->id.id, strerror(-r));
        }
        bool iso = c->id.containment == MXC_ISOLATION_SESSION;
        if (r == 0)
                r = lifecycle_policy_of(text, iso ? c->home.workspace : NULL, &policy, c->error);
        if (r < 0 || dry)
                return r < 0 ? r : answer(json_object(), c->config, ret);
        const LifecycleCreate create = { .agent = c->id.agent,
                .policy = policy.text,
                .workspace = iso ? c->home.workspace : NULL,
                .id = c->id.id,
                .request = policy.request };
        MxcStrings cut = { 0 };
        r = lifecycle_sandbox_create(c->bus, &create, &cut, c->error);
        if (r == 0)
                r = answer(started(&cut), c->config, ret);
        mxc_strings_clear(&cut);
        return r;
}

static int stop(Call *c, bool dry, char **ret) {
        int r = begin(c, false);
        if (r == 0 && !c->sandbox)
                r = mxc_refuse(c->error, MXC_ALREADY_STOPPED, "sandbox %s does not run", c->id.id);
        if (r == 0 && !dry)
                r = lifecycle_sandbox_stop(c->bus, c->sandbox, c->error);
        return r < 0 ? r : answer(json_object(), c->config, ret);
}

static int deprovision(Call *c, bool dry, char **ret) {
        int r = begin(c, false);
        if (r < 0 || dry)
                return r < 0 ? r : answer(json_object(), c->config, ret);
        if (c->sandbox)
                r = lifecycle_sandbox_stop(c->bus, c->sandbox, c->error);
        if (r == 0)
                r = lifecycle_agent_revoke(c->bus, c->id.agent, c->error);
        if (r < 0)
                return r;
        int left = c->home.lock >= 0 ? lifecycle_home_remove(&c->home) : 0;
        if (left == 0)
                return answer(json_object(), c->config, ret);
        _cleanup_free_ char *warning = NULL;
        if (asprintf(&warning, "not all files of it could be removed from %s: %s", c->home.path,
                            strerror(-left)) < 0)
                return -ENOMEM;
        return answer(json_pack("{s:[s]}", "warnings", warning), c->config, ret);
}

static int is_one_shot(MxcError *error) {
        return mxc_refuse(error, MXC_MALFORMED_REQUEST,
                        "expected a state-aware lifecycle request (with a 'phase' field), got a one-shot "
                        "config");
}

/* ---- exec ---- */

/* Of a sandbox that runs. */
static int find_running(Call *c) {
        int r = begin(c, false);
        return r == 0 && !c->sandbox
                               ? mxc_refuse(c->error, MXC_NOT_STARTED, "sandbox %s is not started", c->id.id)
                               : r;
}

/* Whether it could be run. */
static int exec(Call *c, bool dry, char **ret) {
        _cleanup_(mxc_request_freep) MxcRequest *request = NULL;
        _cleanup_(caller_here_clear) CallerHere who;
        caller_here(&who);
        if (!dry)
                return mxc_refuse(c->error, MXC_MALFORMED_REQUEST,
                                "the exec phase does not return an envelope; run it through one of the exec "
                                "entry "
                                "points instead");
        int r = find_running(c);
        if (r == 0)
                r = mxc_request_make(c->config, &who.caller, &request, c->error);
        return r < 0 ? r : answer(json_object(), c->config, ret);
}

int lifecycle_run(const MxcConfig *config, const char *text, bool dry, char **ret_json, MxcError *error) {
        _cleanup_(call_clear) Call c = { .config = config, .home = LIFECYCLE_HOME_NONE, .error = error };
        switch (config->phase) {
        case MXC_PROVISION:
                return provision(&c, text, dry, ret_json);
        case MXC_START:
                return start(&c, dry, ret_json);
        case MXC_STOP:
                return stop(&c, dry, ret_json);
        case MXC_DEPROVISION:
                return deprovision(&c, dry, ret_json);
        case MXC_EXEC:
                return exec(&c, dry, ret_json);
        case MXC_ONE_SHOT:
        case _MXC_PHASE_MAX:
                break;
        }
        return is_one_shot(error);
}

void lifecycle_place_clear(LifecyclePlace *p) {
        free(p->sandbox);
        free(p->cwd);
}

int lifecycle_place(const MxcConfig *config, LifecyclePlace *ret, MxcError *error) {
        _cleanup_(call_clear) Call c = { .config = config, .home = LIFECYCLE_HOME_NONE, .error = error };
        if (config->phase == MXC_ONE_SHOT)
                return is_one_shot(error);
        if (config->phase != MXC_EXEC)
                return mxc_refuse(error, MXC_MALFORMED_REQUEST, "live exec requires the exec phase, got %s",
                                mxc_phase_word(config->phase));
        int r = find_running(&c);
        if (r < 0)
                return r;
        bool iso = c.id.containment == MXC_ISOLATION_SESSION;
        char *cwd = strdup(iso && c.home.workspace ? c.home.workspace : "/");
        if (!cwd)
                return -ENOMEM;
        *ret = (LifecyclePlace){ .sandbox = TAKE_PTR(c.sandbox), .cwd = cwd };
        return 0;
}
