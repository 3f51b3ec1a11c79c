/* SPDX-License-Identifier: MIT */
/* table_users.c - commands on who may: users, tokens, browsers, the first set-up. */
#include "tables.h"

static const struct column user_columns[] = {{"NAME", "name"},
					     {"ROLE", "role"},
					     {"ENABLED", "is_enabled"},
					     {"LAST LOGIN", "last_login_ms"},
					     {"FAILED", "failed_logins"},
					     {"LOCKED UNTIL", "locked_until_ms"},
					     {NULL}};
static const struct column token_columns[] = {{"NAME", "name"},
					      {"ROLE", "role"},
					      {"USER", "user"},
					      {"EXPIRES", "expires_ms"},
					      {"LAST USED", "last_used_ms"},
					      {NULL}};
static const struct column session_columns[] = {{"ID", "id"},
						{"USER", "user"},
						{"ADDRESS", "address"},
						{"LAST SEEN", "last_seen_ms"},
						{"EXPIRES", "expires_ms"},
						{"AGENT", "agent"},
						{NULL}};

#define ROLES "viewer|operator|admin"
#define PASSWORD(option, json_member, more, what)                                                  \
	{                                                                                          \
		option, ARG_SECRET, TO_BODY, json_member, more, NULL, what                         \
	}
#define NEW (ARG_REQUIRED | ARG_PROMPT | ARG_TWICE)

static const struct arg user_args[] = {ARG_NAME_OF("/users", "the user"), ARG_END};
static const struct arg user_create_args[] = {
    ARG_NEW_NAME("of the user"),
    {"--role", ARG_CHOICE, TO_BODY, "role", ARG_REQUIRED, ROLES, "what they may do"},
    PASSWORD("--password-file", "password", NEW, "their password; asked for without it"),
    ARG_END,
};
static const struct arg user_set_args[] = {
    ARG_NAME_OF("/users", "the user"),
    {"--role", ARG_CHOICE, TO_BODY, "role", 0, ROLES, "what they may do"},
    {"--enabled", ARG_YES_NO, TO_BODY, "is_enabled", 0, NULL, "no: they cannot log in"},
    PASSWORD("--password-file", "password", 0, "a new password; - asks for it"),
    ARG_END,
};
static const struct arg own_password_args[] = {
    PASSWORD("--old-password-file", "old_password", ARG_REQUIRED | ARG_PROMPT, "the old password"),
    PASSWORD("--new-password-file", "new_password", NEW, "the new password"),
    ARG_END,
};
static const struct arg token_args[] = {ARG_NAME_OF("/tokens", "the token"), ARG_END};
static const struct arg token_create_args[] = {
    ARG_NEW_NAME("of the token"),
    {"--role", ARG_CHOICE, TO_BODY, "role", ARG_REQUIRED, ROLES, "what it allows"},
    {"--expires-in", ARG_SECONDS, TO_BODY, "expires_in_s", ARG_REQUIRED, NULL, "12h, 30d"},
    ARG_END,
};
static const struct arg session_args[] = {ARG_ID("/sessions", "of browser list"), ARG_END};
static const struct arg login_args[] = {
    {"USER", ARG_TEXT, TO_BODY, "user", ARG_REQUIRED, NULL, "who"},
    PASSWORD("--password-file", "password", ARG_REQUIRED | ARG_PROMPT, "asked for without it"),
    ARG_END,
};
static const struct arg setup_args[] = {
    {"USER", ARG_TEXT, TO_BODY, "user", ARG_REQUIRED, NULL, "the first administrator's name"},
    PASSWORD("--setup-token-file", "setup_token", ARG_REQUIRED | ARG_PROMPT,
	     "what the appliance printed when it was started first"),
    PASSWORD("--password-file", "password", NEW, "asked for without it"),
    ARG_END,
};

const struct command table_user_commands[] = {
    {"user list", "GET", "/users", "Lists the users.", table_list_args, user_columns, COMMAND_LIST,
     NULL, NULL},
    {"user create", "POST", "/users", "Makes a user.", user_create_args, NULL, 0, NULL,
     "example: sluice user create anna --role operator"},
    {"user show", "GET", "/users/{name}", "Shows a user.", user_args, NULL, 0, NULL, NULL},
    {"user set", "PATCH", "/users/{name}", "Changes a user.", user_set_args, NULL, 0, NULL, NULL},
    {"user delete", "DELETE", "/users/{name}", "Deletes a user with sessions and tokens.",
     user_args, NULL, COMMAND_DESTROYS, NULL, NULL},
    {"password", "POST", "/users/me/password", "Changes your own password.", own_password_args,
     NULL, 0, NULL, NULL},
    {"whoami", "GET", "/me", "Shows as whom you are asking.", NULL, NULL, 0, NULL, NULL},
    {"token list", "GET", "/tokens", "Lists the tokens.", table_list_args, token_columns,
     COMMAND_LIST, NULL, NULL},
    {"token create", "POST", "/tokens", "Makes a token and shows it once.", token_create_args, NULL,
     0, NULL, "example: sluice token create ci --role viewer --expires-in 30d"},
    {"token show", "GET", "/tokens/{name}", "Shows a token, without itself.", token_args, NULL, 0,
     NULL, NULL},
    {"token delete", "DELETE", "/tokens/{name}", "Revokes a token.", token_args, NULL,
     COMMAND_DESTROYS, NULL, NULL},
    {"browser list", "GET", "/sessions", "Lists the browsers that are logged in.", table_list_args,
     session_columns, COMMAND_LIST, NULL, NULL},
    {"browser end", "DELETE", "/sessions/{id}", "Logs a browser out.", session_args, NULL, 0, NULL,
     NULL},
    {"login", "POST", "/login", "Checks a user's password.", login_args, NULL, 0, NULL,
     "Programs and this one use tokens instead: sluice token create"},
    {"logout", "POST", "/logout", "Ends the session that this request belongs to.", NULL, NULL, 0,
     NULL, "Only a browser has one; a token is ended by: sluice token delete"},
    {"setup show", "GET", "/setup", "Says whether the first user is still to be made.", NULL, NULL,
     0, NULL, NULL},
    {"setup run", "POST", "/setup", "Makes the first administrator.", setup_args, NULL, 0, NULL,
     NULL},
    {0},
};
