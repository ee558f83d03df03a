// Package config finds, reads, validates and reloads the one file that a user writes.
//
// The user's file is [headroom.Config]; its struct tags are the only description of the fields, and everything here
// follows from them by reflection: binding, messages, the JSON Schema ([Schema]), the reference ([Reference]) and the
// names of environment variables.
//
// Values come, the later winning, from
//
//  1. the defaults in the tags,
//  2. the files, in the order given (maps merge deeply, lists and single values replace),
//  3. HEADROOM_… variables in .env files (beside the first config file, then in the working directory),
//  4. HEADROOM_… variables of the environment.
//
// Where a value came from is kept for each ([Loaded.Origins]). Errors are collected, not returned one by one: see
// [Error] and [Problem].
package config
