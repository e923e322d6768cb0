/*
 * The names of ownership.h's enums.
 */
#include <assert.h>

#include "lease/ownership.h"

static const char *const state_names[] = {"waiting", "unwanted", "ineligible", "other", "claimable",
    "claiming", "owner", "offering", "releasing"};
static_assert(
    sizeof(state_names) / sizeof(state_names[0]) == OWNERSHIP_STATE_COUNT, "one name per state");
static const char *const need_names[] = {
    "nothing", "get", "prove", "claim", "release", "offer", "annotate", "delete"};
static_assert(sizeof(need_names) / sizeof(need_names[0]) == NEED_COUNT, "one name per need");
static const char *const how_names[] = {"first", "taken", "continued", "restored"};
static_assert(sizeof(how_names) / sizeof(how_names[0]) == OWNERSHIP_HOW_COUNT, "one name per how");
static const char *const voice_names[] = {"none", "probe", "mute", "answer", "announce"};
static_assert(sizeof(voice_names) / sizeof(voice_names[0]) == VOICE_COUNT, "one name per voice");
static const char *const offer_names[] = {"none", "drain", "stop", "not-eligible", "rebalance"};
static_assert(
    sizeof(offer_names) / sizeof(offer_names[0]) == OFFER_WHY_COUNT, "one name per offer");
static const char *const doubt_names[] = {"none", "check", "silent", "holding", "yielded"};
static_assert(
    sizeof(doubt_names) / sizeof(doubt_names[0]) == DOUBT_STATE_COUNT, "one name per doubt");
static const char *const verdict_names[] = {"ignored", "foreign", "handed", "doubt"};
static_assert(
    sizeof(verdict_names) / sizeof(verdict_names[0]) == VERDICT_COUNT, "one name per verdict");

const char *
ownership_state_str(enum ownership_state state)
{
	return state_names[state];
}

const char *
ownership_need_str(enum ownership_need need)
{
	return need_names[need];
}

const char *
ownership_how_str(enum ownership_how how)
{
	return how_names[how];
}

const char *
ownership_voice_str(enum ownership_voice voice)
{
	return voice_names[voice];
}

const char *
ownership_offer_why_str(enum ownership_offer_why why)
{
	return offer_names[why];
}

const char *
ownership_doubt_state_str(enum ownership_doubt_state state)
{
	return doubt_names[state];
}

const char *
ownership_verdict_str(enum ownership_verdict verdict)
{
	return verdict_names[verdict];
}
