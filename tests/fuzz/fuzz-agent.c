/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <string.h>

#include "fuzz.h"
#include "registry-internal.h"

/* The same bytes as what RegisterAgent was given, as an administrator's file, and as a record of the daemon's own. Properties: nothing
 * crashes; what is taken has a name and a policy that can be names, and one line of bounded length as description; what is refused says
 * why; and what the daemon writes of an agent it reads again as the same. */

static void check_document(const AgentDocument *d) {
        fuzz_holds(d->name && policy_name_is_valid(d->name), "an agent has a name");
        fuzz_holds(d->policy && policy_name_is_valid(d->policy), "an agent has a policy");
        fuzz_holds(d->description && strlen(d->description) <= LIMIT_DESCRIPTION_BYTES &&
                                        !text_has_control(d->description),
                        "a description is one line");
        fuzz_holds(!d->owner_name || d->owner == (uid_t)-1, "an owner is a name or a uid");
        fuzz_holds(!d->owner_name || (*d->owner_name && strlen(d->owner_name) <= LIMIT_USER_NAME_BYTES),
                        "the name of an owner is bounded");
}

static void as_request(const char *text, size_t size) {
        AgentDocument d = { 0 };
        char *sentence = NULL;
        int r = agent_document_parse(text, size, &d, &sentence);
        fuzz_holds(r == 0 || (r == -EINVAL && sentence && *sentence), "a refusal says why");
        if (r == 0)
                check_document(&d);
        agent_document_clear(&d);
        free(sentence);
}

static void as_file(const char *text, size_t size) {
        PolicyError error = { 0 };
        const JsonSource source = { .text = text, .size = size, .error = &error };
        AgentDocument d = { 0 };
        int r = agent_file_parse(&source, "x", &d);
        fuzz_holds(r == 0 || (r == -EINVAL && error.sentence), "a refusal says why");
        if (r == 0) {
                check_document(&d);
                fuzz_holds(strcmp(d.name, "x") == 0 && d.has_schema &&
                                                (d.owner_name || d.owner != (uid_t)-1),
                                "a file is whole");
        }
        agent_document_clear(&d);
        policy_error_clear(&error);
}

static void as_record(const char *text, size_t size) {
        PolicyError error = { 0 };
        const JsonSource source = { .text = text, .size = size, .error = &error };
        AgentRecord record = { 0 }, again = { 0 };
        int r = agent_record_parse(&source, "x", &record);
        fuzz_holds(r == 0 || (r == -EINVAL && error.sentence), "a refusal says why");
        if (r == 0) {
                check_document(&record.document);
                char *written = agent_record_format(&record), *twice = NULL;
                const JsonSource second = { .text = written, .size = strlen(written) };
                fuzz_holds(agent_record_parse(&second, "x", &again) == 0, "what is written can be read");
                twice = agent_record_format(&again);
                fuzz_holds(strcmp(written, twice) == 0, "and is the same");
                free(written);
                free(twice);
                agent_record_clear(&again);
        }
        agent_record_clear(&record);
        policy_error_clear(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        as_request((const char *)data, size);
        as_file((const char *)data, size);
        as_record((const char *)data, size);
        return 0;
}
