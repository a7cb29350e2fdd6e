/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "cleanup.h"
#include "config-file.h"
#include "json.h"
#include "registry-internal.h"

/* The documents of agents: files, registrations, and the daemon's own records. */

static const char *const kinds[_AGENT_KIND_MAX] = { "registered", "file", "default", "further" };
static const char *const states[_AGENT_STATE_MAX] = { "active", "suspended", "revoked" };

const char *agent_state_to_string(AgentState s) {
        return states[s];
}

void agent_document_clear(AgentDocument *d) {
        free(d->name);
        free(d->policy);
        free(d->description);
        free(d->owner_name);
        *d = (AgentDocument){ .owner = (uid_t)-1 };
}

void agent_record_clear(AgentRecord *r) {
        agent_document_clear(&r->document);
        free(r->reason);
        *r = (AgentRecord){ 0 };
}

static int take(const char *s, char **ret) {
        char *copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        free(*ret);
        *ret = copy;
        return 0;
}

static int read_name(const JsonSource *source, const JsonPlace *place, json_t *value, const char *what,
                char **ret) {
        const char *s;
        int r = json_read_text(source, place, value, SIZE_MAX, &s);
        if (r < 0)
                return r;
        if (!policy_name_is_valid(s))
                return json_refuse(source, place,
                                "is not the name of %s: a-z, 0-9 and -, 1 to %u of them, not beginning with "
                                "-",
                                what, LIMIT_NAME_BYTES);
        return take(s, ret);
}

static int apply_name(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        return read_name(source, place, value, "an agent", &r->document.name);
}

static int apply_policy(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        return read_name(source, place, value, "a policy", &r->document.policy);
}

static int apply_description(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        const char *s;
        int k = json_read_text(source, place, value, LIMIT_DESCRIPTION_BYTES, &s);
        return k < 0 ? k : take(s, &r->document.description);
}

static int apply_owner(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        if (json_is_string(value)) {
                const char *s;
                int k = json_read_text(source, place, value, LIMIT_USER_NAME_BYTES, &s);
                if (k < 0)
                        return k;
                if (!*s)
                        return json_refuse(source, place, "must be the name of a user, or a uid");
                return take(s, &r->document.owner_name);
        }
        uint64_t uid;
        int k = json_read_integer(source, place, value, 0, (uid_t)-1 - 1, &uid);
        if (k < 0)
                return k;
        r->document.owner = (uid_t)uid;
        return 0;
}

static int apply_schema(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const words[] = { "mxc-agent/1" };
        AgentRecord *r = userdata;
        int word;
        int k = json_read_word(source, place, value, words, ELEMENTSOF(words), &word);
        if (k == 0)
                r->document.has_schema = true;
        return k;
}

static int apply_state_schema(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const words[] = { "mxc-agent-state/1" };
        AgentRecord *r = userdata;
        int word;
        int k = json_read_word(source, place, value, words, ELEMENTSOF(words), &word);
        if (k == 0)
                r->document.has_schema = true;
        return k;
}

static int apply_kind(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        int word;
        int k = json_read_word(source, place, value, kinds, _AGENT_KIND_MAX, &word);
        if (k == 0)
                r->kind = (AgentKind)word;
        return k;
}

static int apply_state(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        int word;
        int k = json_read_word(source, place, value, states, _AGENT_STATE_MAX, &word);
        if (k == 0)
                r->state = (AgentState)word;
        return k;
}

static int apply_reason(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        const char *s;
        int k = json_read_text(source, place, value, LIMIT_DESCRIPTION_BYTES, &s);
        return k < 0 ? k : take(s, &r->reason);
}

static int apply_uuid(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        AgentRecord *r = userdata;
        const char *s;
        int k = json_read_text(source, place, value, sizeof(r->uuid) - 1, &s);
        if (k < 0)
                return k;
        if (strlen(s) != sizeof(r->uuid) - 1 || strspn(s, "0123456789abcdef-") != strlen(s))
                return json_refuse(source, place, "is not a UUID");
        memcpy(r->uuid, s, sizeof(r->uuid));
        return 0;
}

static int parse(const JsonSource *source, const JsonKey *keys, size_t n_keys, AgentRecord *r) {
        json_auto_t *value = NULL;
        int k = json_load_strict(source, &value);
        if (k == 0)
                k = json_apply_object(source, NULL, value, keys, n_keys, r);
        if (k == 0 && !r->document.name)
                k = json_refuse(source, NULL, "has no \"name\"");
        if (k == 0 && !r->document.policy)
                k = json_refuse(source, NULL,
                                "has no \"policy\": the name of the policy that bounds what the agent runs");
        if (k == 0 && !r->document.description)
                k = take("", &r->document.description);
        return k;
}

static int parse_document(const JsonSource *source, AgentRecord *r) {
        static const JsonKey keys[] = { { "schema", apply_schema }, { "name", apply_name },
                { "owner", apply_owner }, { "policy", apply_policy }, { "description", apply_description } };
        return parse(source, keys, ELEMENTSOF(keys), r);
}

int agent_document_parse(const char *json, size_t size, AgentDocument *ret, char **ret_sentence) {
        _cleanup_(agent_record_clear) AgentRecord record = { .document.owner = (uid_t)-1 };
        PolicyError error = { 0 };
        const JsonSource source = { .text = json, .size = size, .error = &error };
        int r = size > LIMIT_AGENT_BYTES
                                ? json_refuse(&source, NULL, "is more than %u bytes", LIMIT_AGENT_BYTES)
                                : parse_document(&source, &record);
        if (r == -EINVAL) {
                *ret_sentence = config_error("the agent", &error);
                if (!*ret_sentence)
                        r = -ENOMEM;
        } else if (r == 0) {
                *ret = record.document;
                record.document = (AgentDocument){ 0 };
        }
        policy_error_clear(&error);
        return r;
}

int agent_file_parse(const JsonSource *source, const char *name, AgentDocument *ret) {
        _cleanup_(agent_record_clear) AgentRecord record = { .document.owner = (uid_t)-1 };
        AgentDocument *d = &record.document;
        const JsonPlace place = { .key = "name" };
        int r = parse_document(source, &record);
        if (r == 0 && !d->has_schema)
                r = json_refuse(source, NULL,
                                "has no \"schema\"; an agent begins with \"schema\": \"mxc-agent/1\"");
        if (r == 0 && !streq(d->name, name))
                r = json_refuse(source, &place, "must be \"%s\", as the file is called", name);
        if (r == 0 && !d->owner_name && d->owner == (uid_t)-1)
                r = json_refuse(source, NULL, "has no \"owner\": the user whose agent it is");
        if (r < 0)
                return r;
        *ret = record.document;
        record.document = (AgentDocument){ 0 };
        return 0;
}

int agent_record_parse(const JsonSource *source, const char *name, AgentRecord *ret) {
        static const JsonKey keys[] = { { "schema", apply_state_schema }, { "kind", apply_kind },
                { "name", apply_name }, { "uuid", apply_uuid }, { "owner", apply_owner },
                { "policy", apply_policy }, { "description", apply_description }, { "state", apply_state },
                { "reason", apply_reason } };
        _cleanup_(agent_record_clear) AgentRecord record = {
                .document.owner = (uid_t)-1, .kind = _AGENT_KIND_MAX, .state = _AGENT_STATE_MAX
        };
        int r = parse(source, keys, ELEMENTSOF(keys), &record);
        if (r == 0 && (!record.document.has_schema || !streq(record.document.name, name) ||
                                      !record.uuid[0] || record.document.owner == (uid_t)-1 ||
                                      record.kind == _AGENT_KIND_MAX || record.state == _AGENT_STATE_MAX ||
                                      !record.reason))
                r = json_refuse(source, NULL, "is not whole");
        if (r < 0)
                return r;
        *ret = record;
        record = (AgentRecord){ 0 };
        return 0;
}

char *agent_record_format(const AgentRecord *r) {
        json_auto_t *value = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "schema",
                        "mxc-agent-state/1", "kind", kinds[r->kind], "name", r->document.name, "uuid",
                        r->uuid, "owner", (json_int_t)r->document.owner, "policy", r->document.policy,
                        "description", r->document.description, "state", states[r->state], "reason",
                        r->reason);
        return value ? json_dumps(value, JSON_INDENT(2)) : NULL;
}
