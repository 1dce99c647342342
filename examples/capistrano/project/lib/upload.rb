# frozen_string_literal: true

require "capistrano/scm/plugin"

# Sends `site/` of this folder as the release. The servers need neither git nor a key for the repository, and no agent is
# forwarded to them; and what is released is what lies here, which is the commit that was checked out.
class Upload < Capistrano::SCM::Plugin
  def register_hooks
    after "deploy:new_release_path", "upload:create_release"
    before "deploy:set_current_revision", "upload:set_current_revision"
  end

  def define_tasks
    namespace :upload do
      task :create_release do
        on release_roles(:all) do
          execute :mkdir, "-p", releases_path
          upload! "site", release_path, recursive: true
        end
      end

      task :set_current_revision do
        set :current_revision, fetch(:branch)
      end
    end
  end
end
