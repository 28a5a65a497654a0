//! The program from outside: what it prints, how it exits, what it leaves behind.
#![allow(clippy::unwrap_used, reason = "a test ends with what went wrong, helpers included")]

mod bad_input;
mod borders;
mod command;
mod contract;
mod durable;
mod readme;
mod report;
mod reproduce;
mod resume;
mod run;
mod same_numbers;
mod tune;
mod understanding;
mod unlabelled;
mod watch;
mod within;
