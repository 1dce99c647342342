# frozen_string_literal: true

set :application, "chima-example"
# The commit, never the name of a branch. By hand: BRANCH=$(git rev-parse HEAD) cap staging deploy
set :branch, ENV.fetch("BRANCH", "unknown")
set :keep_releases, 3

after "deploy:published", :show do
  on roles(:web) do
    execute :cat, current_path.join("index.html"), current_path.join("REVISION")
  end
end
