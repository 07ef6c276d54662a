/** Servers that many people use. Their addresses are those that their makers document. */
export const presets: readonly { name: string; title: string; url: string }[] = [
  { name: 'github', title: 'GitHub', url: 'https://api.githubcopilot.com/mcp/' },
  { name: 'linear', title: 'Linear', url: 'https://mcp.linear.app/mcp' },
  { name: 'notion', title: 'Notion', url: 'https://mcp.notion.com/mcp' },
  { name: 'sentry', title: 'Sentry', url: 'https://mcp.sentry.dev/mcp' },
  { name: 'atlassian', title: 'Atlassian', url: 'https://mcp.atlassian.com/v1/mcp' },
  { name: 'stripe', title: 'Stripe', url: 'https://mcp.stripe.com' },
]
