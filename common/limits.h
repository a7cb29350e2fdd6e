/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Every bound of the system. Each is tested at n and at n+1, and is charged to the calling uid where a caller
 * can make the thing grow. */

#include <stddef.h>
#include <stdint.h>

/* Policies */
#define LIMIT_POLICY_BYTES (256U * 1024)     /* one policy document */
#define LIMIT_POLICY_DEPTH 16U               /* nesting of its JSON */
#define LIMIT_POLICY_PATHS 512U              /* entries of each path list */
#define LIMIT_POLICY_RULES 256U              /* network rules, each of allow and deny */
#define LIMIT_POLICY_PEERS 64U               /* destinations or ports in one rule */
#define LIMIT_POLICY_PUBLISH 64U             /* entries of network.ingress.publish */
#define LIMIT_POLICY_EXTENDS 8U              /* length of a chain of extends */
#define LIMIT_POLICY_ENV 256U                /* names passed, and names set */
#define LIMIT_NAME_BYTES 63U                 /* of an agent or a policy: [a-z0-9][a-z0-9-]{0,62} */
#define LIMIT_PATH_BYTES 4095U               /* PATH_MAX less its NUL */
#define LIMIT_HOST_BYTES 253U                /* RFC 1035 2.3.4, less the root dot */
#define LIMIT_LABEL_BYTES 63U                /* RFC 1035 2.3.4 */
#define LIMIT_DESCRIPTION_BYTES 1024U
#define LIMIT_POLICY_ENV_NAME_BYTES 255U
#define LIMIT_POLICY_ENV_VALUE_BYTES 32768U
#define LIMIT_POLICY_DELEGATION_DEPTH 16U
#define LIMIT_POLICY_PAIRS 1000000U          /* of network clauses compared in one meet or within: some 10 ms */

/* Registry */
#define LIMIT_AGENTS 4096U                   /* registered on one host and not revoked; and as many default agents in memory */
#define LIMIT_AGENT_RECORDS (4U * LIMIT_AGENTS) /* names that are taken, those of revoked agents among them */
#define LIMIT_AGENTS_OF_USER 64U             /* that one user has made for oneself: names "user-UID-…" */
#define LIMIT_AGENTS_FIRST LIMIT_AGENTS      /* users who have any of those: each has a first one beside what all share */
#define LIMIT_AGENTS_SHARE 16U               /* of what LIMIT_AGENTS leaves for those of all users beyond their first, one user's part at most */
#define LIMIT_AGENT_BYTES (16U * 1024)       /* one agent's document */
#define LIMIT_USER_NAME_BYTES 255U
#define LIMIT_POLICIES 1024U                 /* files; and the ceiling */

/* Requests */
#define LIMIT_ARGV 4096U                     /* words */
#define LIMIT_ARGV_BYTES (1024U * 1024)      /* all words, NULs counted; the kernel allows a word of 128 KiB */
#define LIMIT_SHOWN_ARGV_BYTES 8192U        /* of them, what a sandbox is known by while it lives: property, list, record in /run */
#define LIMIT_ENV 1024U
#define LIMIT_ENV_BYTES (256U * 1024)
#define LIMIT_NEEDS 16U
#define LIMIT_LISTED_BYTES (1024U * 1024)    /* of what is long, in a list of sandboxes, and as much of agents: the bus ends with whoever sends it 32 MiB */
#define LIMIT_OBJECTS_BYTES (28U * 1024 * 1024) /* of all that is not long, of agents and sandboxes together: the same end */
#define LIMIT_CUT 32U                        /* rows that tell what a request lost to its bounds, and */
#define LIMIT_CUT_BYTES 8192U                /* what they take: no more than a field of a record holds */
#define LIMIT_LABELS 16U
#define LIMIT_LABEL_VALUE_BYTES 256U
#define LIMIT_PENDING_PER_UID 64U            /* requests between door and yard */
#define LIMIT_SANDBOXES_PER_UID 8192U
#define LIMIT_SANDBOXES 16384U
#define LIMIT_SCOPES_PER_SLICE 100U          /* PID 1 is linear in the siblings of a unit */
#define LIMIT_EXECS_PER_SANDBOX 64U
#define LIMIT_EXEC_GROUPS 256U               /* control groups of those, and of ended ones that left something running */
#define LIMIT_TIMEOUT_USEC (UINT64_C(30) * 24 * 3600 * 1000000)
#define LIMIT_TTY_ROWS 4096U
#define LIMIT_USER_LOOKUPS 8U                /* children that ask NSS at once */
#define LIMIT_USERS 1024U                    /* answers of NSS that are remembered */
#define LIMIT_AUTHORIZED 256U                /* answers of polkit that are remembered: so many yes, and so many no */
#define LIMIT_BUS_NAME_BYTES 255U            /* D-Bus specification, "Valid Names" */
#define LIMIT_CONNECTIONS_PER_UID 128U       /* of the private door; one is over when its porter is no more */
#define LIMIT_CONNECTIONS 4096U              /* of all uids but root's: who has subordinate uids has many */
#define LIMIT_MESSAGE_BYTES (2U * 1024 * 1024) /* one message there: the longest argv, environment and document together */
#define LIMIT_MESSAGE_FDS 16U                /* of one message, as dbus-daemon has it for the system bus */
#define LIMIT_UNFINISHED_BYTES (16U * 1024 * 1024) /* of one uid there, of messages that are not whole yet */
#define LIMIT_MESSAGE_USEC (UINT64_C(10) * 1000000) /* from a message's first byte to its last, and for the greeting */
#define LIMIT_GREETING_BYTES 1024U
#define LIMIT_SENTENCE_BYTES (16U * 1024)    /* of a refusal, which may repeat the caller's words: the bus ends with whoever sends it 32 MiB */
#define LIMIT_UNREAD_REPLIES 64U             /* of one connection, that its peer leaves lying */

/* Audit: what has happened already, kept while the journal takes nothing */
#define LIMIT_AUDIT_PENDING (2U * LIMIT_SANDBOXES) /* of each that it is to end, and that it has */
#define LIMIT_AUDIT_PENDING_BYTES (32U * 1024 * 1024)
/* and what was to end something or take it away: how long an act waits for the journal, how many such records wait on disk of root, and of all others;
 * of one of those, one part in so many of what the rest have left, so that there is some for whoever comes next: 64 of who is alone, and it takes
 * 300 uids that each take all they can to leave nothing */
#define LIMIT_AUDIT_WAIT_PIECE 8U              /* acts that have waited and are done before the loop looks at what else there is */
#define LIMIT_AUDIT_WAIT_USEC (UINT64_C(2) * 1000000)
#define LIMIT_AUDIT_STORED 1024U
#define LIMIT_AUDIT_STORED_OTHERS 4096U
#define LIMIT_AUDIT_STORED_SHARE 64U
/* and refusals: kinds that are counted, of all and of one caller, and for how long one record stands for them */
#define LIMIT_REFUSALS 1024U
#define LIMIT_REFUSALS_PER_UID 32U
#define LIMIT_REFUSAL_USEC (UINT64_C(10) * 1000000)

/* Network: connections of one sandbox that are remembered for those who look, and refusals of LIMIT_REFUSAL_USEC told one by one */
#define LIMIT_RELAY_CONNECTIONS 4096U
#define LIMIT_RELAY_REFUSALS 200U
#define LIMIT_PUBLISHED 16U                  /* ports of one sandbox that are shown outside */
#define LIMIT_PUBLISHED_CLIENTS 64U          /* who is connected to those at once */
#define LIMIT_RELAY_SHOWN 32U                /* the last refusals of a sandbox that are shown */
#define LIMIT_GRANTS 32U                     /* of one sandbox, at a time */
#define LIMIT_GRANT_BYTES 4096U              /* the rule of one */
#define LIMIT_GRANT_USEC (UINT64_C(24) * 3600 * 1000000) /* and at least a second */

/* Plans */
#define LIMIT_PLAN_BYTES (5U * 1024 * 1024)
#define LIMIT_PLAN_MOUNTS 1024U
#define LIMIT_PLAN_LINKS 16U
#define LIMIT_PLAN_GROUPS 1024U
#define LIMIT_PLAN_SYSCALLS 512U
#define LIMIT_PLAN_HANDOFF 512U
#define LIMIT_HANDOFF_DIRS 100000U           /* directories walked to find the repositories of a workspace */
#define LIMIT_HANDOFF_REPOSITORIES 4096U     /* of them with a .git, each of which gets rules of its own */
#define LIMIT_NAME_RULES 65536U              /* about names, of one sandbox: whatever is there, and wherever it leads */
#define LIMIT_GIT_FILES 1000U                /* of git's configuration, that include each other, in one repository or of the owner */
#define LIMIT_HANDOFF_FOUND 64U              /* new things named in the report of an ended sandbox */
