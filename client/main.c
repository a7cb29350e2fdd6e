/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxcctl-verbs: all of mxcctl. The program that people start, front.c, does run and exec itself and hands everything else on to this. */

#include <locale.h>

#include "cleanup.h"
#include "escape.h"
#include "exec.h"
#include "nouns.h"
#include "run.h"
#include "status.h"

#define ASKS (VERB_HOST | VERB_ASKS)

static const Verb agent_verbs[] = {
        { "list", "", "List the agents: yours, or for an administrator everybody's", .options = list_options,
                        .takes = ASKS | VERB_TABLE, .run = agent_list },
        { "show", "AGENT", "Show everything about an agent", .takes = ASKS | VERB_OBJECT,
                        .run = agent_show },
        { "register", "NAME", "Make an agent known", .options = agent_register_options, .takes = ASKS,
                        .run = agent_register },
        { "set-policy", "AGENT POLICY", "Give an agent another policy, for what it starts from now on",
                        .takes = ASKS, .run = agent_set_policy },
        { "suspend", "AGENT", "Let an agent start nothing until it is resumed",
                        .options = agent_reason_options, .takes = ASKS, .run = agent_suspend },
        { "resume", "AGENT", "Let a suspended agent start things again", .takes = ASKS,
                        .run = agent_resume },
        { "revoke", "AGENT", "End an agent and everything it runs, for ever",
                        .options = agent_reason_options, .takes = ASKS, .run = agent_revoke },
        { "kill", "AGENT", "End everything an agent runs, by SIGKILL", .takes = ASKS, .run = agent_kill },
        { 0 },
};

static const Verb policy_verbs[] = {
        { "list", "", "List the policies, and what is wrong with their files", .takes = ASKS | VERB_TABLE,
                        .run = policy_list },
        { "show", "POLICY", "Show a policy as it is in force", .takes = ASKS | VERB_OBJECT,
                        .run = policy_show },
        { "check", "FILE…", "Find what is wrong with a file, or wider than this host allows",
                        .details = "Without mxcd only the file itself is checked. FILE may be - for "
                                   "standard input.\n"
                                   "Exits with 0 when all are good, and 1 when one is not.",
                        .takes = ASKS | VERB_OBJECT, .run = policy_check },
        { "explain", "POLICY|FILE ACTION [TARGET]",
                        "Say whether a policy allows something, and by which clause",
                        .details = "ACTION is read, write, exec (TARGET: a path), connect (a host or an "
                                   "address), env (a variable),\n"
                                   "syscall (a name), resource (such as memoryMax, and --amount), publish "
                                   "(a port "
                                   "of the host) or spawn.\n"
                                   "Exits with 0 when it is allowed, and 1 when it is denied.",
                        .options = policy_explain_options, .takes = ASKS | VERB_OBJECT,
                        .run = policy_explain },
        { "diff", "OLD NEW", "Compare two policies, each a name or a FILE, by what they allow",
                        .details = "Exits with 0 when NEW allows nothing that OLD does not, and 1 when it "
                                   "does: then it says by which\n"
                                   "clause. ${workspace}, ${home} and ${runtime} are taken as places of "
                                   "their own.",
                        .takes = ASKS | VERB_OBJECT, .run = policy_diff },
        { "translate", "FILE", "Print what policy a configuration of MXC asks for",
                        .details = "FILE may be - for standard input. What it warns of is said on standard "
                                   "error.\n"
                                   "Exits with 1 when the configuration is refused.",
                        .takes = VERB_OBJECT, .run = policy_translate },
        { 0 },
};

static const Verb others[] = {
        { "list", "", "List the sandboxes: yours, or for an administrator everybody's",
                        .options = list_options, .takes = ASKS | VERB_TABLE, .run = list_sandboxes },
        { "status", "", "Show mxcd, and what this host can enforce", .takes = ASKS | VERB_OBJECT,
                        .run = show_status },
        { "show", "SANDBOX…", "Show everything about a sandbox", .takes = ASKS | VERB_OBJECT,
                        .run = show_sandboxes },
        { "top", "[AGENT…]", "Show what the sandboxes use, the busiest first, again and again",
                        .options = top_options, .takes = ASKS, .run = top_sandboxes },
        { "net", "SANDBOX", "Show what a sandbox reaches, and what it is refused", .options = net_options,
                        .takes = ASKS | VERB_TABLE, .run = net_show },
        { "grant", "SANDBOX DESTINATION TIME", "Let a running sandbox reach something for a while",
                        .details = "DESTINATION is HOST:PORT, or a block of addresses, CIDR or CIDR:PORT, "
                                   "with brackets "
                                   "around one of IPv6;\nwithout a port it is any. TIME is such as 10min, "
                                   "of at most a day. "
                                   "Prints the number of the grant.",
                        .takes = ASKS, .run = grant_destination },
        { "ungrant", "SANDBOX GRANT", "End such a grant before its time, and what it has let open",
                        .takes = ASKS, .run = grant_revoke },
        { "kill", "SANDBOX…", "End sandboxes at once, or send them a signal", .options = kill_options,
                        .takes = ASKS, .run = kill_sandboxes },
        { "stop", "SANDBOX…", "End sandboxes in good order: SIGTERM, a grace period, SIGKILL", .takes = ASKS,
                        .run = stop_sandboxes },
        { "freeze", "SANDBOX…", "Make sandboxes stand still", .takes = ASKS, .run = freeze_sandboxes },
        { "thaw", "SANDBOX…", "Let frozen sandboxes go on", .takes = ASKS, .run = thaw_sandboxes },
        { "agent", "VERB", "Agents: see, register, suspend, revoke them", .verbs = agent_verbs },
        { "policy", "VERB", "Policies: see, check, explain, compare them", .verbs = policy_verbs },
        { "audit", "[AGENT…]", "Show the audit: who let which agent do what, on whose behalf",
                        .options = audit_options, .takes = VERB_TABLE, .run = audit_show },
        { "reload", "", "Read policies and agents again", .takes = ASKS | VERB_OBJECT,
                        .run = reload_daemon },
        { "dump", "", "Show the state of mxcd, for its developers", .takes = ASKS | VERB_OBJECT,
                        .run = dump_daemon },
        { 0 },
};

static Verb verbs[ELEMENTSOF(others) + 2]; /* run and exec, then the others */

enum { ALL_VERSION = 1 };
static const Option all_options[] = {
        { ALL_VERSION, 'V', "version", NULL, "Show the version" },
        { 0 },
};

static const Verb all = {
        .name = "",
        .arguments = "VERB …",
        .summary = "Run AI agents confined, and see what they do",
        .verbs = verbs,
        .options = all_options,
        .takes = VERB_ALL,
};

static int print_version(void) {
        printf("mxcctl %s\n", MXC_VERSION);
        return STATUS_OK;
}

/* mxcctl [OPTION…] VERB …: what stands before the verb is read as what stands behind it. */
int main(int argc, char **argv) {
        Options o = { 0 };
        int status;
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters alone */
        escape_begin();
        verbs[0] = verb_run_command;
        verbs[1] = verb_exec_command;
        memcpy(verbs + 2, others, sizeof others);
        Verb before = all;
        before.in_order = true;
        verb_begin(&before, &o, argc > 0 ? argv + 1 : argv);
        int id = verb_next(&before, &o, &status);
        if (id != 0)
                return id < 0 ? status : print_version();
        if (o.n_words == 0)
                return verb_misused(&all, "which verb?");
        const Verb *v = verb_find(verbs, o.argv[0], NULL);
        return v ? verb_run(v, o.argv + 1) : STATUS_TROUBLE;
}
