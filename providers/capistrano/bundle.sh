#!/bin/sh
# Makes the gems of the Gemfile usable: those that this machine has, else installed into `BUNDLE_PATH`, else into the checkout,
# where they are gone with it. Bundler alone would install them for the whole machine, and ask for a password to do so.
bundle check && exit 0
[ -n "$BUNDLE_PATH" ] || bundle config set --local path vendor/bundle
exec bundle install
