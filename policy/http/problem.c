/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include <errno.h>
#include <stddef.h>

static const struct {
	int code, status;
	const char *word;
} numbers[] = {
    {EINVAL, 422, "invalid"},
    {ERANGE, 422, "out_of_range"},
    {ENAMETOOLONG, 422, "too_long"},
    {EBADMSG, 400, "malformed"},
    {ENOENT, 404, "not_found"},
    {EEXIST, 409, "exists"},
    {EBUSY, 409, "in_use"},
    {ENOTEMPTY, 409, "not_empty"},
    {ESTALE, 412, "revision_mismatch"},
    {EACCES, 403, "forbidden"},
    {EPERM, 401, "unauthorized"},
    {EFBIG, 413, "too_large"},
    {ENOSPC, 507, "no_space"},
    {EAGAIN, 503, "busy"},
    {ECONNREFUSED, 503, "daemon_down"},
    {ENOTSUP, 501, "not_supported"},
    {EDQUOT, 429, "too_many_requests"},
    {EUCLEAN, 500, "database_damaged"},
    {EIO, 500, "io_error"},
};

static const struct {
	int status;
	const char *title;
} titles[] = {
    {400, "The request is malformed"},
    {401, "Who are you?"},
    {403, "Not allowed"},
    {404, "Not found"},
    {405, "The method is not for this path"},
    {409, "In conflict with what is there"},
    {412, "Somebody else has changed it"},
    {413, "The body is too large"},
    {415, "The body's type is not taken here"},
    {422, "A value is not right"},
    {429, "Too many requests"},
    {431, "The headers are too large"},
    {501, "Not supported here"},
    {503, "Not now"},
    {507, "No space left"},
};

int problem_status(int code)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].code == code)
			return numbers[i].status;
	return 500;
}

static const char *code_of(int code)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].code == code)
			return numbers[i].word;
	return "internal";
}

static const char *title_of(int status)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Something went wrong here";
}

json_t *problem_json(int status, const char *code, const struct err *err)
{
	json_t *j;

	status = status ? status : problem_status(err->code);
	code = code ? code : code_of(err->code);
	j = json_pack("{s:o, s:s, s:i, s:s, s:s}", "type",
		      json_sprintf("urn:sluice:problem:%s", code), "title", title_of(status),
		      "status", status, "code", code, "detail", err->text);
	if (!j) /* a text that is not UTF-8 must not take the answer with it */
		j = json_pack("{s:o, s:s, s:i, s:s, s:s}", "type",
			      json_sprintf("urn:sluice:problem:%s", code), "title",
			      title_of(status), "status", status, "code", code, "detail", "");
	if (j && err->field[0])
		json_object_set_new(j, "field", json_string(err->field));
	return j;
}

unsigned problem_retry_s(int status)
{
	return status == 503 || status == 429 ? 2 : 0;
}
