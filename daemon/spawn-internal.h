/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The two halves of a Spawn: what is asked for is read, decided, planned and put on record (spawn.c), and then made (spawn-yard.c). Nothing of the
 * first half has an effect, and nothing of the second is decided any more, but that the agent may still start something. */

#include "act.h"
#include "planner.h"
#include "relay.h"
#include "request.h"
#include "sandbox.h"

/* A Spawn under way: the data of its act. */
typedef struct Spawn {
        SpawnRequest request;
        User owner;        /* copied */
        Policy *requested; /* a reference */
        bool stored;
        Decision decision;
        char id[33];
        Scope *scope;       /* held */
        PlanLayout *layout; /* a reference */
        LaunchPlan *plan;   /* borrows it */
        char *walls, *unheld;
        RelayEnds relay;  /* where the plan has one */
        Sandbox *sandbox; /* not owned: the table's; NULL before and after the launcher was asked */
        uint64_t began;
        bool again; /* the scope was gone once already */
} Spawn;

/* What records of it begin with. agent may be NULL. */
AuditSubject spawn_subject(const Act *a, const Agent *agent);

/* Ends the act: something of ours did not work. */
void spawn_fail(Act *a, int r, const char *what);

/* It is allowed, and that is on record. Answers when the sandbox runs, or why it does not. */
void spawn_begin(Act *a);
