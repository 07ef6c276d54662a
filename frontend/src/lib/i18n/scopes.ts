/**
 * What a scope allows, where that is known for sure: those of OpenID Connect (Core §5.4, §11), and by the issuer's host
 * those that a provider documents. Of any other nothing is said.
 */
export const scopes = {
  any: {
    openid: 'Says who you are.',
    profile: 'Reads your name, picture and other parts of your profile.',
    email: 'Reads your e-mail address.',
    address: 'Reads your postal address.',
    phone: 'Reads your phone number.',
    offline_access: 'Stays signed in while you are away: the token can be renewed.',
  } as Record<string, string>,
  by: {
    'github.com': {
      repo: 'Reads and writes all your repositories, the private ones too.',
      public_repo: 'Reads and writes your public repositories.',
      gist: 'Writes gists.',
      notifications: 'Reads your notifications and marks them as read.',
      'read:org': 'Reads your organisations and teams.',
      'read:user': 'Reads your profile.',
      'user:email': 'Reads your e-mail addresses.',
      workflow: 'Changes the workflow files of GitHub Actions.',
    },
    'login.microsoftonline.com': {
      'User.Read': 'Signs you in and reads your profile.',
      'https://graph.microsoft.com/User.Read': 'Signs you in and reads your profile.',
    },
  } as Record<string, Record<string, string>>,
}
